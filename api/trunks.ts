import { isIP } from 'node:net'
import { z } from 'zod'
import type { Attestation } from '../model/compliance-rule.ts'
import type { AccountId } from '../model/ids.ts'
import type { Reachability } from '../model/reachability.ts'
import type { Trunk } from '../model/trunk.ts'
import type { TrunkRegistration } from '../model/trunk-registration.ts'
import { crud, given } from './crud.ts'
import { SELLERS, type Caller, type Endpoint } from './endpoint.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'
import { printHour, QualityWindowAnswer } from './quality.ts'
import { printReach, ReachAnswer } from './reachability.ts'
import { printRegistration, RegistrationAnswer } from './trunk-registration.ts'
import * as s from './schemas.ts'

const MAX_ADDRESSES = 256
const MAX_TLS_NAMES = 32
const MAX_CALLER_NUMBERS = 1000
const ATTESTATIONS = ['A', 'B', 'C'] as const
const TOGETHER = 'a username and a password go together'
/** Seconds: what a registrar is asked for when the trunk does not say. */
const DEFAULT_EXPIRES = 3600
const MAX_RATE = 100_000

/** An IP address or CIDR block; a block of half the internet is a mistake (at least /8, or /16 of IPv6). */
const address = z
  .string()
  .trim()
  .max(64)
  .refine(isSource, { error: 'must be an IP address or a CIDR block, at least /8 (IPv6: /16)' })

function isSource(input: string): boolean {
  const [ip = '', bits, ...rest] = input.split('/')
  const family = isIP(ip)
  if (family === 0 || ip.includes('%') || rest.length > 0) return false
  if (bits === undefined) return true
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity
  return family === 4 ? prefix >= 8 && prefix <= 32 : prefix >= 16 && prefix <= 128
}

/** What a seller may name by itself, in bits: calls from there are its own, and the guard against abuse never bans them. */
const WIDEST_OF_SELLERS = { 4: 24, 6: 48 } as const

/** What the house answers for with its own name is its own to say, and others' only to repeat or to do without; throws 422. */
function requireOwnWord(
  body: {
    readonly attestation?: Attestation | null | undefined
    readonly caller_numbers?: readonly string[] | undefined
  },
  { role }: Caller,
  { attestation, callerNumbers = [] }: Pick<Trunk, 'attestation' | 'callerNumbers'> = {},
): void {
  if (role === 'admin') return
  const isNewNumber = body.caller_numbers?.some((number) => !callerNumbers.includes(number))
  const isNewWord = body.attestation && body.attestation !== attestation
  const said = isNewWord ? '/attestation' : isNewNumber ? '/caller_numbers' : null
  if (said) throw invalid(said, 'what calls are attested with is for an administrator to say', 'not_allowed')
}

/** Whoever may not know better names no wide blocks; throws 422. */
function requireNarrow(addresses: readonly string[] | undefined, { role }: Caller): void {
  if (role === 'admin') return
  for (const [i, block] of (addresses ?? []).entries()) {
    const [ip = '', bits] = block.split('/')
    const widest = isIP(ip) === 4 ? WIDEST_OF_SELLERS[4] : WIDEST_OF_SELLERS[6]
    if (bits !== undefined && Number(bits) < widest)
      throw invalid(`/addresses/${i}`, `a block wider than /${widest} is for an administrator to name`, 'not_allowed')
  }
}

const host = z
  .string()
  .trim()
  .max(255)
  .refine(isHost, { error: 'must be host or host:port, and may end in ;transport=udp, tcp or tls' })

function isHost(input: string): boolean {
  const match =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))(?::(\d{1,5}))?(?:;transport=(?:udp|tcp|tls))?$/.exec(
      input,
    )
  if (!match) return false
  const port = match[3] === undefined ? 5060 : Number(match[3])
  return (match[1] === undefined || isIP(match[1]) === 6) && port >= 1 && port <= 65_535
}

/** A name in a certificate: a DNS name, or the SIP URI of a domain (RFC 5922 §7.1) less its scheme. */
const tlsName = z
  .string()
  .trim()
  .max(253)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a domain name, as the certificate has it')

const DIRECT_MEDIA =
  'Whether audio may go past the exchange, where the other side allows it and media.engine names direct: each end learns the other’s address'

const ANALYTICS_REFUSAL =
  'How the carrier hears that analytics has refused a call: 603+ (603 Network Blocked, ATIS-1000099), 608 (RFC 8688) or a plain 603'

const ATTESTATION =
  'The most the exchange attests its calls with (SHAKEN) where nobody has signed them before; null: they are not signed. For an administrator to set'
const CALLER_NUMBERS =
  'Numbers that are known to be its customer’s, or how they begin, with * at the end: calls from others are attested with B at the most. For an administrator to set'

const callerNumber = z
  .string()
  .regex(/^\+[1-9](?:\d{6,14}|\d{2,13}\*)$/, 'must be an E.164 number, or its beginning and *')

const limit = z.int().min(1).max(MAX_RATE).nullable()
const fields = {
  name: s.text(200),
  addresses: z.array(address).max(MAX_ADDRESSES),
  host: host.nullable(),
  username: s.text(128).nullable(),
  password: z.string().min(1).max(256).nullable(),
  tls_names: z.array(tlsName).max(MAX_TLS_NAMES),
  priority: z.int().min(0).max(65_535),
  register: z.boolean(),
  expires: z.int().min(60).max(86_400),
  strip_prefix: z
    .string()
    .regex(/^[0-9*#+]{1,16}$/, 'must be at most 16 digits, *, # or +')
    .nullable(),
  max_cps: limit,
  max_concurrent_calls: limit,
  retry_after_on_limit: z.boolean(),
  direct_media: z.boolean().meta({ description: DIRECT_MEDIA }),
  attestation: z.enum(ATTESTATIONS).nullable().meta({ description: ATTESTATION }),
  caller_numbers: z.array(callerNumber).max(MAX_CALLER_NUMBERS).meta({ description: CALLER_NUMBERS }),
  analytics_refusal: z.enum(['603', '603+', '608']).meta({ description: ANALYTICS_REFUSAL }),
}

const Create = z.strictObject({
  account_id: s.id<AccountId>().optional(),
  direction: z.enum(['inbound', 'outbound']),
  name: fields.name,
  addresses: fields.addresses.default([]),
  host: fields.host.default(null),
  username: fields.username.default(null),
  password: fields.password.default(null),
  tls_names: fields.tls_names.default([]),
  priority: fields.priority
    .default(0)
    .meta({ description: 'Outbound trunks are tried in this order, the lowest first' }),
  register: fields.register.default(false).meta({ description: 'Whether to register at the carrier; outbound only' }),
  expires: fields.expires
    .default(DEFAULT_EXPIRES)
    .meta({ description: 'For how many seconds to ask when registering' }),
  strip_prefix: fields.strip_prefix.default(null),
  max_cps: fields.max_cps.default(null),
  max_concurrent_calls: fields.max_concurrent_calls.default(null),
  retry_after_on_limit: fields.retry_after_on_limit.default(false),
  direct_media: fields.direct_media.default(false),
  attestation: fields.attestation.default(null),
  caller_numbers: fields.caller_numbers.default([]),
  analytics_refusal: fields.analytics_refusal.default('603+'),
})
const Patch = z.strictObject(fields).partial()

const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  name: z.string(),
  direction: z.enum(['inbound', 'outbound']),
  addresses: z.array(z.string()),
  host: z.string().nullable(),
  username: z.string().nullable(),
  has_password: z.boolean(),
  tls_names: z.array(z.string()),
  priority: z.int(),
  register: z.boolean(),
  expires: z.int(),
  strip_prefix: z.string().nullable(),
  max_cps: z.int().nullable(),
  max_concurrent_calls: z.int().nullable(),
  retry_after_on_limit: z.boolean(),
  direct_media: z.boolean(),
  attestation: z.enum(ATTESTATIONS).nullable(),
  caller_numbers: z.array(z.string()),
  analytics_refusal: z.enum(['603', '603+', '608']),
  status: ReachAnswer,
  registration: RegistrationAnswer.nullable(),
  quality: QualityWindowAnswer.nullable().meta({ description: 'The last hour' }),
  ...s.printedStored,
})

type Hour = ReturnType<typeof printHour>

/** Everything of a trunk but its password, which only goes in. */
const print = (
  trunk: Trunk,
  reach: Reachability,
  registration: TrunkRegistration | null,
  quality: Hour,
): z.input<typeof Answer> => ({
  id: trunk.id,
  account_id: trunk.accountId,
  name: trunk.name,
  direction: trunk.direction,
  addresses: [...trunk.addresses],
  host: trunk.host,
  username: trunk.username,
  has_password: trunk.password !== null || trunk.digest !== null,
  tls_names: [...trunk.tlsNames],
  priority: trunk.priority,
  register: trunk.register,
  expires: trunk.expires,
  strip_prefix: trunk.stripPrefix,
  max_cps: trunk.maxCps,
  max_concurrent_calls: trunk.maxConcurrentCalls,
  retry_after_on_limit: trunk.retryAfterOnLimit,
  direct_media: trunk.directMedia,
  attestation: trunk.attestation ?? null,
  caller_numbers: [...(trunk.callerNumbers ?? [])],
  analytics_refusal: trunk.analyticsRefusal ?? '603+',
  status: printReach(reach),
  registration: registration && printRegistration(registration),
  quality,
  ...s.printStored(trunk),
})

/** Trunks: a seller's ways in, and the house's ways out. */
export function trunkEndpoints(kit: Kit): Endpoint[] {
  /** An outbound trunk must say its password; of an inbound one's only what answers are checked by is kept. */
  function kept(
    direction: Trunk['direction'],
    username: string | null,
    password: string | null | undefined,
  ): Pick<Trunk, 'password' | 'digest'> {
    if (direction === 'outbound' || !password) return { password: password ?? null, digest: null }
    if (username === null) throw invalid('/username', TOGETHER, 'required')
    return { password: null, digest: kit.sip.digestOf(username, password) }
  }

  return crud(kit, {
    name: 'trunks',
    noun: 'trunk',
    store: kit.stores.trunks,
    who: SELLERS,
    ownerTypes: ['seller', 'operator'],
    create: Create,
    patch: Patch,
    answer: Answer,
    draft: (body, owner, caller) => {
      requireNarrow(body.addresses, caller)
      requireOwnWord(body, caller)
      const draft = {
        accountId: owner.id,
        name: body.name,
        direction: body.direction,
        addresses: body.addresses,
        host: body.host,
        username: body.username,
        tlsNames: body.tls_names,
        priority: body.priority,
        register: body.register,
        expires: body.expires,
        stripPrefix: body.strip_prefix,
        maxCps: body.max_cps,
        maxConcurrentCalls: body.max_concurrent_calls,
        retryAfterOnLimit: body.retry_after_on_limit,
        directMedia: body.direct_media,
        attestation: body.attestation,
        callerNumbers: body.caller_numbers,
        analyticsRefusal: body.analytics_refusal,
        ...kept(body.direction, body.username, body.password),
      }
      requireWhole(draft, owner.type === 'operator', caller)
      return draft
    },
    changes: (body, current, caller) => {
      requireNarrow(body.addresses, caller)
      requireOwnWord(body, caller, current)
      const changes = given({
        name: body.name,
        addresses: body.addresses,
        host: body.host,
        username: body.username,
        tlsNames: body.tls_names,
        priority: body.priority,
        register: body.register,
        expires: body.expires,
        stripPrefix: body.strip_prefix,
        maxCps: body.max_cps,
        maxConcurrentCalls: body.max_concurrent_calls,
        retryAfterOnLimit: body.retry_after_on_limit,
        directMedia: body.direct_media,
        attestation: body.attestation,
        callerNumbers: body.caller_numbers,
        analyticsRefusal: body.analytics_refusal,
        ...(changesPassword(body, current) &&
          kept(current.direction, body.username === undefined ? current.username : body.username, body.password)),
      })
      requireWhole({ ...current, ...changes }, current.direction === 'outbound', caller)
      return changes
    },
    print: (trunk) =>
      print(trunk, kit.reachOf(trunk.id), kit.registrationOf(trunk.id), printHour(kit.quality.ofTrunk(trunk.id))),
  })
}

/** Whether a PATCH touches the password. A username alone cannot change where only a hash of both is kept; throws 422. */
function changesPassword(body: z.output<typeof Patch>, current: Trunk): boolean {
  const renamed = body.username !== undefined && body.username !== null && body.username !== current.username
  if (renamed && body.password === undefined && current.direction === 'inbound')
    throw invalid('/password', 'the password must be given again with a new username', 'required')
  return body.password !== undefined
}

/** What the direction asks of the other fields; throws 422. */
function requireWhole(
  trunk: Pick<Trunk, 'direction' | 'addresses' | 'host' | 'username' | 'password' | 'digest' | 'tlsNames' | 'register'>,
  isHouse: boolean,
  caller: Caller,
): void {
  if (trunk.direction === 'outbound') {
    if (!isHouse || caller.role !== 'admin')
      throw invalid('/direction', 'outbound trunks are the house’s', 'wrong_type')
    if (trunk.tlsNames.length > 0)
      throw invalid('/tls_names', 'only an inbound trunk is known by its certificate', 'not_allowed')
    if (trunk.host === null) throw invalid('/host', 'an outbound trunk needs a host to send to', 'required')
    if (trunk.register && trunk.username === null)
      throw invalid('/username', 'a trunk that registers needs a username', 'required')
  } else {
    if (isHouse) throw invalid('/direction', 'the house’s trunks are outbound', 'wrong_type')
    if (trunk.register) throw invalid('/register', 'only an outbound trunk registers', 'not_allowed')
    if (trunk.host !== null) throw invalid('/host', 'only an outbound trunk sends to a host', 'not_allowed')
    if (trunk.addresses.length === 0 && trunk.username === null && trunk.tlsNames.length === 0) {
      throw invalid(
        '/addresses',
        'an inbound trunk needs source addresses, a username or names in a certificate',
        'required',
      )
    }
  }
  if ((trunk.username === null) !== (trunk.password === null && trunk.digest === null)) {
    const missing = trunk.username === null ? '/username' : '/password'
    throw invalid(missing, TOGETHER, 'required')
  }
}
