drop function write_records(jsonb, text);
