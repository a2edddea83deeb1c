"""What a DICOM file says of a mammogram."""
