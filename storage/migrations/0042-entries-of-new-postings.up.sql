-- Of a batch in which some postings are there already the entries of the others are taken as what they are: `e` was a row with its
-- number too, which no entry can be made of, so such a batch was refused and written record by record.
do $$
declare
  source text := pg_get_functiondef('post_entries(written_posting[],written_entry[],bigint)'::regprocedure);
  changed text := replace(source, 'array(select e from unnest(entries) with ordinality',
    'array(select row(e.posting_id, e.account_id, e.currency, e.amount_micros)::written_entry from unnest(entries) with ordinality');
begin
  if changed = source then raise exception 'post_entries chooses its entries otherwise'; end if;
  execute changed;
end $$;
