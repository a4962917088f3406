-- STIR: what we attest a trunk's calls with at the most, and the numbers that are its customer's; what a target is told of signatures.
alter table trunks
  add column attestation text check (attestation in ('A', 'B', 'C')),
  add column caller_numbers text[] not null default '{}';
alter table targets add column verstat text check (verstat in ('off', 'plain', 'attested'));
