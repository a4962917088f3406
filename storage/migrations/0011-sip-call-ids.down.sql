drop index calls_by_sip_call_id;
alter table calls drop column sip_call_id;
