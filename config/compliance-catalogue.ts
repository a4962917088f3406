import { later, may, set, SHORT_WAIT } from './setting.ts'
import {
  duration,
  E164,
  EMAIL,
  FLAG,
  HTTPS_URL,
  LIST,
  oneOf,
  someOf,
  STATE,
  TEXT,
  TIME_OF_DAY,
  whole,
} from './setting-kinds.ts'

/** Of one leg: the laws that refuse a call there; the others only warn. */
function enforced(leg: string) {
  const laws = someOf('calling_hours', 'do_not_call', 'call_frequency', 'consent', 'none')
  return may(laws, `The laws that refuse a call where ${leg}; what is not named only warns. Unset: as the law has it.`)
}

const RECORDING = oneOf('record', 'announce', 'beep', 'no_record', 'buyer_leg')

/** Whether calls may be sold, and what is kept to prove it. */
export const COMPLIANCE = {
  'compliance.tcpa.enabled': set(FLAG, true, 'Whether calling hours are judged at all.', {
    aliases: ['compliance.tcpa_enabled'],
  }),
  'compliance.tcpa.calling_hours.start': set(
    TIME_OF_DAY,
    480,
    'The earliest local time of a call (47 CFR 64.1200(c)(1)); states may be stricter.',
  ),
  'compliance.tcpa.calling_hours.end': set(TIME_OF_DAY, 1260, 'The local time from which no more calls are made.'),
  'compliance.tcpa.state_hours_file': may(
    TEXT,
    'A table of your own (JSON, as config/reference/calling-hours.json): the states it names are judged by it. Read at the start.',
  ),
  'compliance.enforcement.policy': set(
    oneOf('law', 'strict'),
    'law',
    'Whether the laws that bind whoever calls a consumer refuse calls where they bind, or on every leg, calls that consumers make included.',
  ),
  'compliance.enforcement.inbound': enforced('the consumer has dialled (by law: none)'),
  'compliance.enforcement.transfer': enforced('a seller has called the consumer and passes it on (by law: all)'),
  'compliance.enforcement.outbound': enforced('we call the consumer (by law: all)'),
  'compliance.unknown_location': set(
    oneOf('block', 'allow'),
    'block',
    'What the hours say of a consumer whose place is unknown, where hours are enforced.',
  ),
  'compliance.screening.collect': set(
    oneOf('first', 'all'),
    'first',
    'Whether screening ends at the first check that refuses a call, or goes on for the record, outside look-ups included.',
  ),
  'compliance.screening.max_waiting': set(
    whole(1, 100_000),
    1000,
    'The most calls and pings that wait for outside answers at once; for more, each source counts as failed.',
  ),
  'compliance.redress.url': may(
    HTTPS_URL,
    'Where callers ask why analytics has refused their calls, as 603+ tells them (ATIS-1000099).',
  ),
  'compliance.redress.email': may(EMAIL, 'The same by e-mail.'),
  'compliance.redress.phone': may(E164, 'The same by telephone.'),
  'compliance.redress.location': set(
    oneOf('LN', 'TN', 'RLN', 'LPN', 'RPN'),
    'RLN',
    'Which network refused, as 603+ tells it (RFC 8606): as a rule the one that serves the called party, RLN.',
  ),
  'compliance.redress.jcard_url': may(
    HTTPS_URL,
    'A signed jCard of yours with the same, for trunks that hear 608 (RFC 8688): told in Call-Info as purpose=jwscard.',
  ),
  'compliance.consent.asked': set(
    oneOf('when_kept', 'always'),
    'when_kept',
    'From when on calls are asked for the consumer’s consent, where compliance.enforcement binds them: from the first that is kept here, or always.',
  ),
  'compliance.consent.brought': set(
    oneOf('accept', 'ignore'),
    'accept',
    'Whether a certificate that a call or its ping brings counts as a consent, by the seller’s word: no vendor is asked.',
  ),
  'compliance.consent.max_in_memory': set(
    whole(1_000, 100_000_000),
    5_000_000,
    'The most consents that are kept (some 70 bytes each in the memory of every gateway); beyond them none is taken.',
  ),
  'compliance.recording.all_party': set(
    RECORDING,
    'announce',
    'What is done about recording a call where the law of either end asks for the consent of all parties.',
  ),
  'compliance.recording.unknown': set(RECORDING, 'announce', 'The same where nobody knows where a side is.'),
  'compliance.recording.one_party': set(RECORDING, 'record', 'The same where one party’s consent is enough.'),
  'compliance.recording.announcement': may(
    TEXT,
    'The prompt that both sides hear before a call is recorded where the law asks for it and its number has none; unset: a beep.',
  ),
  'compliance.recording.beep_every': set(
    duration('5s', '60s'),
    15_000,
    'How often a recorded call beeps, where it does.',
  ),
  'compliance.recording.buyer_state': may(
    STATE,
    'Where agents at SIP addresses sit, when all of them sit in one state; a target that is a telephone number says it itself.',
  ),
  'compliance.gdpr_enabled': later(FLAG, 'Whether European data rules are applied.'),
  'compliance.allowed_timezones': later(LIST, 'Zones calls may be made to.'),
  'dnc.cache_ttl': set(
    duration('1s', '31d'),
    86_400_000,
    'How long answers of outside do-not-call lists (POST /dnc/lists with a lookup) are kept, in memory and in Redis.',
  ),
  'dnc.cache_answers': set(whole(1, 10_000_000), 100_000, 'The most answers kept in memory; then the oldest goes.'),
  'dnc.providers': later(LIST, 'The predecessor’s key; outside lists are made by POST /dnc/lists with a lookup.'),
  'consent.cache_ttl': later(duration('1s', '31d'), 'How long consents are kept in memory.'),
  'consent.check_timeout': later(SHORT_WAIT, 'How long a look-up of a consent may take.'),
  'consent.batch_size': later(whole(1, 100_000), 'Consents imported at once.'),
  'consent.retention_days': set(
    whole(1_827, 36_500),
    1_827,
    'So many days after it was revoked or expired a consent is forgotten; five years at the least (16 CFR 310.5).',
  ),
  'consent.proof_storage.provider': later(TEXT, 'Where proofs of consent are kept.'),
  'consent.proof_storage.bucket': later(TEXT, 'The bucket they are in.'),
  'consent.proof_storage.encryption': later(FLAG, 'Whether they are encrypted.'),
} as const
