do $$
begin
  execute replace(pg_get_functiondef('post_entries(written_posting[],written_entry[],bigint)'::regprocedure),
    'array(select row(e.posting_id, e.account_id, e.currency, e.amount_micros)::written_entry from unnest(entries)',
    'array(select e from unnest(entries)');
end $$;
