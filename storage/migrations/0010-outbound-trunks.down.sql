alter table trunks drop column expires;
alter table trunks drop column register;
alter table trunks drop column priority;
