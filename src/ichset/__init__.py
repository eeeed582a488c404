"""ichset: from radiology reports and a CT archive to a verified, de-identified, labelled head-CT dataset."""

__version__ = "0.1.0"
