"""Descriptions as scanners of eight makers and hospitals in three languages write them, each with what must become of the series.

Body part HEAD, axial and original slices; what a line needs besides is in `MORE`."""

from __future__ import annotations

from typing import Any

TAKEN = """
Cerebrum 5.0 J30s
Angulated head 5mm
Мозг мягкотканный режим
Мозг кост.режим
Голова - контроль
O-MAR head 3mm
IMR brain routine
HEAD PRE
Голова без конт.
Голова  5.0 H31s
Head 0.75 H60s
Schädel nativ 4.0 J40s
Kopf nativ 5,0 Hr40
HeadSeq  4.8  H31s
HEAD W/O
C- BRAIN ROUTINE
5mm STD ASIR-V 50%
BONE PLUS 0.625
Exponential 5.0 HELICAL
Post Fossa 2.5mm
HEAD, iDose (3)
Brain Helical UB 5/5
Head Vol. 0.5 FC68
Brain AIDR 3D STD
Head 5.0 AiCE Brain
AIDR 3D eSTD Head 0.5 CE-
Head Normal 5mm
Head Axial 5.00 F20
Brain 5mm H_SOFT_B
H_SHARP_C 1.0 KARL
Без КУ
нативная фаза
ср. линия
костный
Костное окно
мозговое окно 5мм
ГМ нат 5.0
голова б/к
Голова натив. тонкие
Контроль после операции
Контрольное исследование ГМ
до контраста
до КУ
преконтраст
Ax 5
Thin 0.6
NON CON HEAD
noncon ax
NECT Schädel
Stealth protocol head
Brainlab 1mm
Trauma Head 5x5
без внутривенного контрастирования
без в/в контраста
CT HEAD WITHOUT IV CONTRAST
no contrast 5mm
Kopf ohne KM
golova bez kontrasta
GOLOVNOY MOZG 5mm
Brain HCT 5.0 C-
Head nativ, ohne Kontrastmittel
Native (pre contrast) head
МСКТ ГМ натив + БК
Голова [натив] 1.0 Hr38
Kopf CT 3,0 Hr59 S3
non-enhanced
noncontrast head
"""

CONTRAST = """
Angio CoW 0.6
CT Venography head
поздняя фаза
паренхиматозная фаза
BRAIN WITH
HEAD POST
Голова с конт.
Brain w contrast
Голова контраст 60 сек
CTA 0.6 H20f
Schaedel mit KM 5.0
Head 0.625 STND + C
C+ BRAIN
Head Angio 0.625
Venogram
Brain Routine 5.0 CE FC21
арт. фаза
вен. фаза
Г/мозг с к/у
ГМ с в/в КУ
КТ-ангио ГМ
КТА сосудов головного мозга
Отсроченная
после введения контраста
постконтраст
Head-Neck C+
Head delayed 5 min
w/ contrast head
Kopf mit KM
golova s kontrastom
Голова С+
Постконтрастная серия
Head (arterial) 1.0
Early venous
"""

DERIVED = """
Volume Rendering
TTP map
Range-MPR 3mm axial
Brain Subtraction
Curved MPR carotid
DE_Head 1.0 Q40f 3 F_0.5
MPR cor
Head MPR ax 5mm
Head 3.0 MPR ax
AX HEAD ASiR 40%
SUBMENTAL/HEAD REFORMAT
CT PERFUSION 4D
sMPR Cor
MPR Ax Brain 3x3
VMI 40 keV head
Whole Brain Perf Vol 0.5
Перф
Перфузия ГМ
Реконструкция корональная
сагиттальная реформация
3Д череп
"""

LOCALIZERS = """
Topogram 0.6 T20s
Scout
Surview Test
Scanogram
Scout_0.0
Dual Scout
Топограмма
сканограмма
"""

MONITORING = """
PreMonitoring 10.0 B30s
Monitoring 10.0 B30s
Smart Prep Series
SmartPrep
Locator
Tracker
SUREStart
Bolus Tracking
"""

PAGES = """
Patient Protocol
Dose Report
Dose Info
SAR/DOSE
Протокол дозы
"""

ELSEWHERE = """
Larynx 1.0
Пирамидки
Позвоночник шейный
Dental 0.6
InnerEar 0.6 U75u
NNH 2.0 H70s
HWS 2.0 B70s
Hals 3.0 B31s
Temporal bone R 0.6
шея
ППН
Придаточные пазухи носа
Sinus
Neck
temporal bone
Височные кости
Орбиты 1мм
ВНЧС
Челюстно-лицевая
ЧЛО
Легкие
ОГК 1.5
C-Spine 1.0
Facial bones 0.6
Abdomen venous
TAP
"""

DOUBTFUL = """
HEAD WITHOUT 5mm
with and without
Brain WO/W 5mm
Голова до и после КУ
"""

# what the description alone does not hold
MORE: dict[str, dict[str, Any]] = {
    "Head 0.75 H60s": {"ProtocolName": "HeadSpi"},
    "Schädel nativ 4.0 J40s": {"BodyPartExamined": None},
    "HeadSeq  4.8  H31s": {"BodyPartExamined": None},
    "5mm STD ASIR-V 50%": {"StudyDescription": "CT BRAIN W/O CONTRAST"},
    "Exponential 5.0 HELICAL": {"BodyPartExamined": None, "ProtocolName": "1.1 ROUTINE HEAD (C-)"},
    "мозговое окно 5мм": {"BodyPartExamined": None},
    "ГМ нат 5.0": {"BodyPartExamined": None},
    "Контроль после операции": {"StudyDescription": "КТ головного мозга"},
    "Ax 5": {"BodyPartExamined": None, "StudyDescription": "CT Head without contrast"},
    "Thin 0.6": {"StudyDescription": "CT Head and C-spine"},
    "NECT Schädel": {"BodyPartExamined": None},
    "golova bez kontrasta": {"BodyPartExamined": None},
    "GOLOVNOY MOZG 5mm": {"BodyPartExamined": None},
    "golova s kontrastom": {"BodyPartExamined": None},
    "DE_Head 1.0 Q40f 3 F_0.5": {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 SPI DUAL"]},
    "MPR cor": {"ImageType": ["DERIVED", "SECONDARY", "MPR", "CT_SOM5 MPR"]},
    "Head MPR ax 5mm": {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 MPR"]},
    "AX HEAD ASiR 40%": {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]},
    "Topogram 0.6 T20s": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER", "CT_SOM5 TOP"]},
    "Scout": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "Scout_0.0": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "Patient Protocol": {"ImageType": ["DERIVED", "SECONDARY", "OTHER"], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "Dose Report": {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "Dose Info": {"ImageType": ["DERIVED", "SECONDARY"], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "SAR/DOSE": {"ImageType": ["DERIVED", "SECONDARY"], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "HWS 2.0 B70s": {"BodyPartExamined": "SPINE"},
    "Hals 3.0 B31s": {"BodyPartExamined": "NECK"},
    "ОГК 1.5": {"BodyPartExamined": "CHEST", "StudyDescription": "КТ ГМ + ОГК"},
    "C-Spine 1.0": {"StudyDescription": "CT Head and C-spine"},
    "Abdomen venous": {"BodyPartExamined": "ABDOMEN"},
    "TAP": {"StudyDescription": "Polytrauma head"},
    "HEAD WITHOUT 5mm": {"ContrastBolusAgent": "CE"},
}
