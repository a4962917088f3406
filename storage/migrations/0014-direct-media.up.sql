-- Whether calls may have their audio past us: the two ends then learn each other's addresses.
alter table trunks add column direct_media boolean not null default false;
alter table targets add column direct_media boolean not null default false;
