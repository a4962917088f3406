alter table numbers drop column routing;
alter table campaigns drop column factors;
