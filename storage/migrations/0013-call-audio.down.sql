drop table recording_accesses;
drop table recordings;
alter table targets drop column audio;
alter table campaigns drop column audio;
alter table numbers drop column audio;
