-- Ways out: in which order they are tried, and whether they have to be registered at.
alter table trunks add column priority integer not null default 0 check (priority >= 0);
alter table trunks add column register boolean not null default false;
alter table trunks add column expires integer not null default 3600 check (expires > 0);
