-- What a number's callers are asked before their calls are sold; null: nothing.
alter table numbers add column menu jsonb;

-- A caller who is being asked has been answered, and nothing is sold yet: a restart says BYE all the same.
alter table open_calls alter column terms drop not null;
