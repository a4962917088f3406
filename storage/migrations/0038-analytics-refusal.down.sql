alter table trunks drop column analytics_refusal;
