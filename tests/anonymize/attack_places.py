"""Hiding places written by someone who had not read the rules: encodings, vendors' blocks, nesting, numbers, padding."""

from __future__ import annotations

from collections.abc import Callable

from ct_files import ROOT, item, sequence
from pydicom.dataset import FileDataset
from pydicom.sequence import Sequence

NAME = "KROPOTKIN"
PHONE = "79265551234"
BORN = "19480317"  # the birth date of the patient of ct_files
CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED = "1.2.840.10008.5.1.4.1.1.2.1"
UID = f"{ROOT}.{PHONE}"
Plant = Callable[[FileDataset], object]


def put(**values: object) -> Plant:
    return lambda ds: [setattr(ds, keyword, value) for keyword, value in values.items()]


def add(tag: int, vr: str, value: object) -> Plant:
    return lambda ds: ds.add_new(tag, vr, value)


def block(group: int, creator: str, *elements: tuple[int, str, object]) -> Plant:
    def plant(ds: FileDataset) -> None:
        found = ds.private_block(group, creator, create=True)
        for offset, vr, value in elements:
            found.add_new(offset, vr, value)

    return plant


def code(meaning: str = NAME, value: str = "121058", scheme: str = "DCM", **more: object) -> Sequence:
    return sequence(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning, **more)


def nested(depth: int, **values: object) -> Sequence:
    found = sequence(**values)
    for _ in range(depth):
        found = sequence(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}.8", PurposeOfReferenceCodeSequence=found)
    return found


VENDORS: dict[str, Plant] = {
    "Siemens CSA image header": block(0x0029, "SIEMENS CSA HEADER", (0x10, "OB", b"SV10\4\3\2\1" + NAME.encode().ljust(64, b"\0"))),
    "Siemens MedCom header": block(0x0029, "SIEMENS MEDCOM HEADER", (0x08, "CS", "MEDCOM 1"), (0x10, "OB", NAME.encode() + b"\0")),
    "Siemens CT": block(0x0019, "SIEMENS CT VA0  COAD", (0x96, "IS", "1"), (0x90, "LO", NAME), (0x92, "DS", PHONE)),
    "GE identity": block(0x0009, "GEMS_IDEN_01", (0x02, "SH", NAME), (0x04, "SH", "S" + PHONE), (0x27, "SL", 1680710400)),
    "GE patient": block(0x0011, "GEMS_PATI_01", (0x10, "SS", 1), (0x11, "LO", NAME)),
    "GE parameters": block(0x0043, "GEMS_PARM_01", (0x16, "SS", 7), (0x28, "OB", NAME.encode() + b"\0"), (0x40, "FL", [7.0, 8.0])),
    "GE helios": block(0x0045, "GEMS_HELIOS_01", (0x01, "SS", 1), (0x06, "FL", 1.0), (0x0F, "CS", NAME)),
    "GE acquisition number": block(0x0019, "GEMS_ACQU_01", (0x0F, "DS", PHONE), (0x27, "DS", "1.5"), (0x23, "DS", f"5.000{PHONE}")),
    "Philips Elscint": block(0x01E1, "ELSCINT1", (0x26, "CS", NAME), (0x40, "UI", f"{ROOT}.{PHONE}")),
    "Philips imaging": block(0x2001, "Philips Imaging DD 001", (0x05, "SS", 3), (0x7B, "IS", PHONE[:9]), (0x90, "LO", NAME)),
    "Philips SPI": block(0x0019, "SPI-P Release 1", (0x10, "LT", NAME)),
    "Toshiba": block(0x7005, "TOSHIBA_MEC_CT3", (0x00, "OB", NAME.encode() + b"\0"), (0x10, "SH", NAME), (0x23, "UI", f"{ROOT}.{PHONE}")),
    "Canon patient block": block(0x0011, "CANON_MEC_PATIENT", (0x01, "PN", NAME)),
    "odd creator": block(0x0035, f"  {NAME.lower()} ", (0x01, "SQ", [item(PatientName=NAME, PatientAddress=NAME)])),
    "creator at the wrong place": lambda ds: (ds.add_new(0x00290001, "LO", NAME), ds.add_new(0x00290100, "LO", NAME)),
    "private data without a creator": add(0x00291010, "LO", NAME),
    "group 1": add(0x00010010, "LO", NAME),
    "group FFFF": add(0xFFFF0010, "LO", NAME),
    "pixels' own private group": add(0x7FE10010, "LO", NAME),
    "two blocks, one group": lambda ds: (block(0x0019, "GEMS_ACQU_01", (2, "SL", 912))(ds), block(0x0019, NAME, (2, "SL", 912))(ds)),
}

STRUCTURES: dict[str, Plant] = {
    "name five levels deep": put(ReferencedImageSequence=nested(5, PatientName=NAME, CodeMeaning=NAME)),
    "contributing equipment": put(
        ContributingEquipmentSequence=sequence(
            Manufacturer=NAME,
            InstitutionName=NAME,
            InstitutionAddress=NAME,
            StationName=NAME,
            OperatorsName=NAME,
            DeviceSerialNumber=PHONE,
            ContributionDescription=NAME,
            ContributionDateTime=BORN + "101010",
            PurposeOfReferenceCodeSequence=code(),
        )
    ),
    "referenced study": put(ReferencedStudySequence=sequence(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}.{BORN}")),
    "referenced class with the standard's root": put(
        ReferencedImageSequence=sequence(ReferencedSOPClassUID=f"{CT}.{BORN}", ReferencedSOPInstanceUID=f"1.2.840.10008.5.1.4.1.1.2.{PHONE}")
    ),
    "referenced patient": put(
        ReferencedPatientSequence=sequence(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}.{PHONE}", PatientName=NAME)
    ),
    "original attributes": put(
        OriginalAttributesSequence=sequence(
            SourceOfPreviousValues=NAME,
            ModifyingSystem=NAME,
            AttributeModificationDateTime="20230405101010",
            ModifiedAttributesSequence=sequence(PatientName=NAME, PatientBirthDate=BORN),
        )
    ),
    "encrypted attributes": put(EncryptedAttributesSequence=sequence(EncryptedContentTransferSyntaxUID=ROOT, EncryptedContent=NAME.encode() + b"\0")),
    "signature and MAC parameters": put(
        MACParametersSequence=sequence(MACIDNumber=1, MACAlgorithm=NAME, DataElementsSigned=[0x00100010]),
        DigitalSignaturesSequence=sequence(
            MACIDNumber=1, DigitalSignatureUID=f"{ROOT}.{PHONE}", DigitalSignatureDateTime=BORN, CertificateOfSigner=NAME.encode() + b"\0"
        ),
    ),
    "other patient IDs and their issuer": put(
        OtherPatientIDs=[NAME, PHONE],
        IssuerOfPatientIDQualifiersSequence=sequence(UniversalEntityID=NAME),
        IssuerOfAdmissionIDSequence=sequence(LocalNamespaceEntityID=NAME),
    ),
    "meaning of a listed code": put(
        CTDIPhantomTypeCodeSequence=code(NAME, "113691"),
        DerivationCodeSequence=code(NAME, "113040"),
        AnatomicRegionSequence=code(NAME, "69536005", "SCT", AnatomicRegionModifierSequence=code(NAME, "24028007", "SCT")),
        ViewCodeSequence=code(NAME, "399260004", "SCT"),
    ),
    "long and URN codes": put(
        AnatomicRegionSequence=sequence(
            LongCodeValue=NAME, CodingSchemeDesignator="SCT", CodeMeaning="Head", URNCodeValue=f"urn:{NAME}", ContextUID=UID
        ),
        CTDIPhantomTypeCodeSequence=code("IEC Body Dosimetry Phantom", "113691", CodingSchemeVersion=NAME, ContextGroupExtensionCreatorUID=UID),
    ),
    "coding scheme identification": put(
        CodingSchemeIdentificationSequence=sequence(CodingSchemeDesignator=NAME, CodingSchemeName=NAME, CodingSchemeResponsibleOrganization=NAME)
    ),
    "earlier de-identification": put(
        PatientIdentityRemoved="YES",
        DeidentificationMethod=NAME,
        DeidentificationMethodCodeSequence=code(NAME, "113100"),
        LongitudinalTemporalInformationModified="UNMODIFIED",
    ),
    "look-up tables": put(
        ModalityLUTSequence=sequence(LUTDescriptor=[2, 0, 16], LUTExplanation=NAME, ModalityLUTType=NAME, LUTData=NAME.encode() + b"\0"),
        VOILUTSequence=sequence(LUTDescriptor=[2, 0, 16], LUTExplanation=NAME, LUTData=b"\0\0\0\0"),
        RealWorldValueMappingSequence=sequence(LUTLabel=NAME, LUTExplanation=NAME, MeasurementUnitsCodeSequence=code()),
    ),
    "dose and exposure": put(
        CTExposureSequence=sequence(ExposureModulationType=NAME, EstimatedDoseSaving=1.0),
        ExposureModulationType=NAME,
        ExposureDoseSequence=sequence(CommentsOnRadiationDose=NAME),
    ),
    "device identifiers": put(
        UDISequence=sequence(UniqueDeviceIdentifier=NAME, DeviceDescription=NAME),
        XRaySourceID=NAME,
        DetectorID=PHONE,
        CassetteID=NAME,
        PlateID=NAME,
        DeviceID=NAME,
    ),
    "links": put(
        RetrieveURL=f"http://ris/{NAME}", PixelDataProviderURL=f"http://ris/{NAME}", RetrieveURI=f"http://{NAME}", StorageMediaFileSetID=NAME
    ),
    "a directory record": lambda ds: (ds.add_new(0x00041130, "CS", NAME), ds.add_new(0x00041500, "CS", [NAME, "A"])),
    "curves and overlays of every group": lambda ds: [
        (ds.add_new((group << 16) | 0x3000, "OW", NAME.encode() + b"\0"), ds.add_new((group << 16) | 0x0022, "LO", NAME))
        for group in (0x5000, 0x5002, 0x501E, 0x6000, 0x6002, 0x601E, 0x6020, 0x7F00)
    ],
    "annotation and graphics": put(
        GraphicAnnotationSequence=sequence(TextObjectSequence=sequence(UnformattedTextValue=NAME)),
        ContentCreatorName=NAME,
        ContentLabel=NAME,
        ContentDescription=NAME,
    ),
    "waveform, audio, documents": lambda ds: [
        ds.add_new(tag, vr, value)
        for tag, vr, value in (
            (0x00420011, "OB", NAME.encode() + b"\0"),
            (0x2050300C, "OB", NAME.encode() + b"\0"),
            (0x54001010, "OW", NAME.encode() + b"\0"),
            (0x40000010, "LT", NAME),
            (0x40080040, "SH", NAME),
            (0x00184000, "LT", NAME),
            (0x00204000, "LT", NAME),
            (0x00324000, "LT", NAME),
        )
    ],
}

VALUES: dict[str, Plant] = {
    "kernel": put(ConvolutionKernel=f"H31s {NAME}"),
    "kernel of several values": put(ConvolutionKernel=["H31s", NAME]),
    "kernel that is a date": put(ConvolutionKernel="B" + BORN),
    "lower-case name in a protocol": put(ProtocolName=f"routine head {NAME.lower()}"),
    "name glued to known words": put(SeriesDescription=f"Head{NAME}Brain", ProtocolName=f"Head_{NAME}-5.0", StudyDescription=f"CT({NAME})"),
    "letters spaced out": put(SeriesDescription=" ".join(NAME)),
    "number written in groups": put(SeriesDescription="Head 7 926 555 12 34", ProtocolName="Head 7-926-555-12-34"),
    "birth date in parts": put(SeriesDescription="Head 17 03 1948", ProtocolName="17/03/48 Head", StudyDescription="CT 1948-03-17"),
    "birth year": put(SeriesDescription="Head 1948"),
    "software": put(SoftwareVersions=["VA44A", f"sn{PHONE}", NAME, BORN]),
    "manufacturer and model": put(Manufacturer=f"SIEMENS {NAME}", ManufacturerModelName=f"Brilliance 64 {PHONE}"),
    "filter and options": put(FilterType=NAME, ScanOptions=["HELICAL", NAME], FilterMaterial=NAME),
    "body part, laterality, sex": put(BodyPartExamined=f"HEAD {NAME}", ImageLaterality=NAME, Laterality=NAME, PatientSex=NAME[:1]),
    "sex that is a word": put(PatientSex=NAME),
    "frame type words": put(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI", NAME]),
    "lossy method": put(LossyImageCompression="00", LossyImageCompressionMethod=NAME, LossyImageCompressionRatio=PHONE),
    "character set": put(SpecificCharacterSet=["ISO_IR 100", NAME]),
    "time of day with a tail": put(AcquisitionTime="153021.481516", ContentTime="153022.926555"),
    "date and time with a zone": put(AcquisitionDateTime="20230405153021.555123+0917", TimezoneOffsetFromUTC="+0917"),
    "dates in ranges": put(StudyDate="20230405", DateOfSecondaryCapture=BORN, DateOfLastDetectorCalibration=BORN, PatientBirthTime="101010"),
    "instance creation": put(InstanceCreationDate=BORN, InstanceCreationTime="101010", InstanceCreatorUID=f"{ROOT}.{PHONE}"),
    "UID of our own form": put(
        FrameOfReferenceUID=f"2.25.{PHONE}", StudyInstanceUID=f"2.25.{BORN}", SynchronizationFrameOfReferenceUID=f"2.25.{PHONE}"
    ),
    "UID with the birth date": put(SOPInstanceUID=f"1.3.12.2.1107.5.1.4.{BORN}.{PHONE}", IrradiationEventUID=f"1.3.12.2.{BORN}"),
    "phone as a technical number": put(TableHeight=PHONE, DataCollectionDiameter=PHONE, TableSpeed=float(PHONE), Exposure=PHONE[:9]),
    "phone behind the point": put(SliceThickness=f"5.0{PHONE}", GantryDetectorTilt=f"0.{PHONE}", KVP=f"120.{PHONE}"),
    "phone in positions": put(ImagePositionPatient=["0", "0", PHONE], SliceLocation=PHONE, WindowCenter=["40", PHONE], WindowWidth=["80", PHONE]),
    "phone as series number": put(SeriesNumber=PHONE[2:], AcquisitionNumber=PHONE[2:]),
    "weight and size": put(PatientWeight=PHONE, PatientSize=PHONE),
    "comment in cp1251": lambda ds: (
        put(SpecificCharacterSet="ISO_IR 100")(ds),
        ds.add_new(0x0008103E, "LO", "Head Кропоткин 5.0".encode("cp1251").decode("latin-1")),
        ds.add_new(0x00204000, "LT", "Кропоткин Пётр".encode("cp1251").decode("latin-1")),
        ds.add_new(0x00100010, "PN", "Иванов^Пётр".encode("cp1251").decode("latin-1")),
    ),
    "name in UTF-8 under a Cyrillic label": lambda ds: put(
        SpecificCharacterSet="ISO_IR 144", StudyDescription="КТ Кропоткин".encode().decode("iso8859-5")
    )(ds),
    "physicians and staff": lambda ds: (
        put(PerformingPhysicianIdentificationSequence=sequence(PersonIdentificationCodeSequence=code(), InstitutionName=NAME, PersonAddress=NAME))(
            ds
        ),
        put(ResponsiblePerson=NAME, ConsultingPhysicianName=NAME, VerifyingObserverName=NAME, PersonName=NAME, ScheduledPerformingPhysicianName=NAME)(
            ds
        ),
    ),
    "patient's life": put(
        MilitaryRank=NAME,
        BranchOfService=NAME,
        PatientBirthName=NAME,
        RegionOfResidence=NAME,
        PatientReligiousPreference=NAME,
        PregnancyStatus=4,
        SmokingStatus="YES",
        LastMenstrualDate=BORN,
        PatientPrimaryLanguageCodeSequence=code("Russian", "ru", "RFC5646"),
        PatientSpeciesDescription=NAME,
    ),
    "wrong VR, text for a number": add(0x00180050, "LO", NAME),
    "wrong VR, long text for a code": add(0x00081090, "UT", NAME * 3),
    "wrong VR, bytes for rows of the header": add(0x00180060, "OB", NAME.encode() + b"\0"),
    "sequence where text belongs": add(0x0008103E, "SQ", [item(PatientName=NAME)]),
    "text where a sequence belongs": add(0x00081140, "LT", NAME),
}
