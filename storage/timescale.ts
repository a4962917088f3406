import type { Client } from 'pg'

/**
 * Where TimescaleDB is offered (`pg_available_extensions`), the sums by minute become a hypertable of a chunk a week, in place of the native
 * partitions of migrations/0029; sums by hour and day stay tables. Every function that makes, reads or drops sums stays as it is called, and a
 * report is as exact as without it. Continuous aggregates are not used for hours and days: what is disputed or converted weeks after a call
 * changes its hour then, and an aggregate would tell the old sum until its next refresh. Needs nothing that is not in the extension's Apache
 * edition. Answers whether that has been done now. Nobody sums meanwhile, and reports wait for as long as 35 days of sums take to copy.
 * Throws where the extension is offered and cannot be had, which leaves all as it was.
 */
export async function useTimescale(client: Client): Promise<boolean> {
  const {
    rows: [offered],
  } = await client.query(
    `select current_setting('timescaledb.disable_load', true) is not null as "isLoaded"
     from pg_available_extensions where name = 'timescaledb'`,
  )
  if (!offered) return false
  // Asked for all the same it ends the connection.
  if (!offered.isLoaded) throw new Error('it is not among shared_preload_libraries')
  await client.query('create extension if not exists timescaledb')
  const { rowCount: found } = await client.query(
    `select from timescaledb_information.hypertables
     where hypertable_schema = current_schema() and hypertable_name = 'call_rollups_minute'`,
  )
  if (found) return false
  await client.query('begin')
  try {
    await client.query(ADOPT)
    await client.query('commit')
    return true
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

const ADOPT = `
lock table rollup_state in exclusive mode;
alter table call_rollups_minute rename to call_rollups_partitioned;
create table call_rollups_minute (like call_rollups_partitioned including defaults,
  unique nulls not distinct (family, at, owner, key, currency)) with (fillfactor = 70);
-- Weeks begin on Mondays, as those of the partitions.
select create_hypertable('call_rollups_minute', 'at', chunk_time_interval => interval '7 days', create_default_indexes => false);
insert into call_rollups_minute select * from call_rollups_partitioned;
drop table call_rollups_partitioned;
-- Chunks come by themselves.
create or replace function keep_minutes_of(week timestamptz) returns void language sql as $$ select $$;
create or replace function let_minutes_go(keep interval) returns timestamptz language plpgsql set lock_timeout = '1s' as $$
declare before timestamptz; since timestamptz := date_bin('7 days', now() - keep, '2000-01-03Z');
begin
  lock table rollup_state in exclusive mode nowait;
  select minutes_since into before from rollup_state;
  if isfinite(before) then perform drop_chunks('call_rollups_minute', older_than => before); end if;
  delete from call_rollups_minute where at < before;
  update rollup_state set minutes_gone = before, minutes_since = greatest(before, since);
  return before;
exception when lock_not_available then return null;
end $$`
