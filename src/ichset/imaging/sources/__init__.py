"""Sources of studies behind one Protocol: a folder archive, DICOMweb, DIMSE."""
