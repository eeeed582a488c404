"""The attributes that finding and choosing need of each file: one column each, in the folder index and in PACS answers alike."""

from __future__ import annotations

# column -> keyword
TEXT = {
    "sop_class": "SOPClassUID", "sop_uid": "SOPInstanceUID", "study_uid": "StudyInstanceUID", "series_uid": "SeriesInstanceUID",
    "patient_id": "PatientID", "accession": "AccessionNumber", "study_date": "StudyDate", "modality": "Modality",
    "image_type": "ImageType", "body_part": "BodyPartExamined", "protocol": "ProtocolName", "description": "SeriesDescription",
    "study_description": "StudyDescription", "contrast": "ContrastBolusAgent", "kernel": "ConvolutionKernel",
    "manufacturer": "Manufacturer", "model": "ManufacturerModelName", "burned_in": "BurnedInAnnotation",
}  # fmt: skip
NUMBER = {
    "series_number": "SeriesNumber", "instance_number": "InstanceNumber", "rows": "Rows", "columns": "Columns", "frames": "NumberOfFrames",
    "samples": "SamplesPerPixel", "slice_thickness": "SliceThickness", "kvp": "KVP", "tube_current": "XRayTubeCurrent",
    "tilt": "GantryDetectorTilt", "acquisition": "AcquisitionNumber",
}  # fmt: skip
NUMBERS = {"orientation": "ImageOrientationPatient", "position": "ImagePositionPatient", "pixel_spacing": "PixelSpacing"}
TAGS = [*TEXT.values(), *NUMBER.values(), *NUMBERS.values(), "SpecificCharacterSet"]
CT_IMAGES = frozenset({"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"})  # CT Image Storage, Enhanced CT Image Storage
