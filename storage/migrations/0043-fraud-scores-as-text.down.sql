update fraud_scores set contributions = (
  select coalesce(json_agg(case json_typeof(c) when 'array'
    then json_build_object('feature', c -> 0, 'value', c -> 1, 'contribution', c -> 2) else c end order by n), '[]')
  from json_array_elements(contributions) with ordinality as e(c, n));
alter table fraud_scores alter column reasons type jsonb using reasons::jsonb, alter column contributions type jsonb using contributions::jsonb;
