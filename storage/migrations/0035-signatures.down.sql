alter table targets drop column verstat;
alter table trunks drop column caller_numbers, drop column attestation;
