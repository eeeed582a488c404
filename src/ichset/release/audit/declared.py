"""What a release may tell, declared here once more: its tables, their keys and columns, the labels."""

from __future__ import annotations

LABELS = ("ich", "epidural", "subarachnoid", "subdural", "intracerebral", "intraventricular", "multiple", "fracture", "combined")
_EACH = " ".join(LABELS)
KEYS = {
    "studies": ("study",), "labels": ("study",), "series": ("study", "series"), "instances": ("study", "series", "instance"),
    "reads": ("round", "study", "reader"), "table1": ("label",), "table2": ("parameter",), "tableS1": ("parameter", "class"),
    "population": ("group",), "balance": ("label",), "flow": ("stage", "arm", "event", "reason"),
    "shift": ("parameter", "class"), "facts": ("fact",), "splits": ("count",),
    "agreement": ("round", "first", "second", "label"), "defacing": ("method",), "probe": ("studies",),
}  # fmt: skip
TEXTS = ("indication", "description", "conclusion")  # only where report text is released
COLUMNS = {
    "studies": "study subject arm split balanced age sex study_date study_uid accession series instances source_prevalence weight judged_by",
    "labels": f"study arm {_EACH} judged_by",
    "series": "study series subject series_uid instances description manufacturer model kernel slice_thickness slice_spacing pixel_spacing kvp "
    "tube_current tilt rows columns deface_method exposed relief brain_changed voxels_changed",
    "instances": "study series instance sop_uid file position bytes sha256 pixels",
    "reads": f"round study reader role {_EACH} exclude confidence key_slices",
    "table1": "label present absent unknown studies",
    "table2": "parameter unit classes class_names lowest highest series missing",
    "tableS1": f"parameter class series arm_ich arm_normal {_EACH}",
    "population": "group studies patients women men sex_unknown age_lowest age_median age_highest age_unknown age_capped",
    "balance": "label present absent p p_given_any weight_present weight_absent",
    "flow": "stage arm event reason count",
    "shift": "parameter class ich normal smd",
    "facts": "fact value",
    "splits": "count train test",
    "agreement": "round first second label studies both first_only second_only neither observed kappa low high adjusted",
    "defacing": "method series exposed_median exposed_highest relief_median relief_highest brain_changed_median brain_changed_highest "
    "voxels_changed_median voxels_changed_highest",
    "probe": "studies folds auc low high",
    "changes": "study change",
}  # what a release may tell; a column of any other name has no place in it
