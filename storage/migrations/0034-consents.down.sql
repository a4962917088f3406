drop table consent_versions;
drop table consents;
drop function refuse_consent_change();
drop function refuse_early_consent_end();
