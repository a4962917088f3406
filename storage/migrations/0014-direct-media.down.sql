alter table targets drop column direct_media;
alter table trunks drop column direct_media;
