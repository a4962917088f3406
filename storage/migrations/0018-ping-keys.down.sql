-- A key of little power must not become one of much.
delete from api_keys where scope <> 'all';
alter table api_keys drop column scope;
