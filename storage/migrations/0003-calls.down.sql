drop table quarantine, trunk_refusals, compliance_audit, open_calls, holds, auctions, calls;
drop function refuse_change();
