alter table campaigns drop column expose_caller;
alter table numbers drop column bidder_deadline_ms;
drop table bidders;
