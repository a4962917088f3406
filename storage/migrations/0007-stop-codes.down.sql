alter table campaigns drop column stop_codes;
