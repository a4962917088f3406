drop table compliance_rules;
drop table compliance_rule_history;
drop function keep_compliance_rule();
