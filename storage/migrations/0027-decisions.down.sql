drop function write_decisions(text, text);
drop table decision_parts;
drop table decisions;
