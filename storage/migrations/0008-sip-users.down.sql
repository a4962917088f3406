drop table registrations;
drop table sip_users;
alter table trunks drop column tls_names;
alter table trunks drop column digest;
