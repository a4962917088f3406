import { z } from 'zod'
import { NO_CAPS } from '../model/caps.ts'
import type { AccountId } from '../model/ids.ts'
import type { Reachability } from '../model/reachability.ts'
import { isSipUri, MAX_SIP_URI } from '../model/sip-uri.ts'
import { VERSTATS } from '../model/stir.ts'
import type { Target } from '../model/trunk.ts'
import { BuyerAudioAnswer, BuyerAudioInput, printBuyerAudio, readBuyerAudio } from './call-audio.ts'
import { Caps, CapsAnswer, mergeCaps } from './caps.ts'
import { crud, given } from './crud.ts'
import { BUYERS, type Endpoint } from './endpoint.ts'
import { phoneAt, type Kit } from './kit.ts'
import { invalid } from './problems.ts'
import { printHour, QualityWindowAnswer } from './quality.ts'
import { printReach, ReachAnswer } from './reachability.ts'
import * as s from './schemas.ts'

/** Seconds a target may be rung for: what callers bear, and no longer than timer C (RFC 3261 §16.6) is far off. */
const MAX_RING_TIMEOUT = 180
const DEFAULT_RING_TIMEOUT = 30

const TargetCaps = Caps.omit({ concurrent: true })

/** Caps by period alone: `max_concurrent_calls` is the one for calls at once. */
function readCaps(body: z.output<typeof TargetCaps>, current: Target['caps'] | null): NonNullable<Target['caps']> {
  const { concurrent: _, ...caps } = mergeCaps({ ...body, concurrent: undefined }, { ...NO_CAPS, ...current })
  return caps
}

const fields = {
  name: s.text(200),
  uri: z.string().trim().min(1).max(MAX_SIP_URI).meta({
    description: 'A SIP or SIPS URI, the address of record of a SIP user (sip:username@realm), or an E.164 number',
  }),
  ring_timeout: z.int().min(1).max(MAX_RING_TIMEOUT),
  max_concurrent_calls: z.int().min(1).max(100_000).nullable(),
  caps: TargetCaps.nullable().meta({
    description: 'The most calls it is rung for by the hour, day and month of its account, and ever',
  }),
  audio: BuyerAudioInput,
  direct_media: z.boolean().meta({
    description:
      'Whether audio may go past the exchange, where the caller’s trunk allows it and media.engine names direct: each end learns the other’s address',
  }),
  verstat: z.enum(VERSTATS).nullable().meta({
    description:
      'What From and P-Asserted-Identity tell it of the caller’s signature: nothing (off), verstat (plain), or verstat with the attestation (attested); null: as the exchange is set',
  }),
}
const Create = z.strictObject({
  account_id: s.id<AccountId>().optional(),
  ...fields,
  ring_timeout: fields.ring_timeout.default(DEFAULT_RING_TIMEOUT),
  max_concurrent_calls: fields.max_concurrent_calls.default(null),
  caps: fields.caps.default(null),
  audio: BuyerAudioInput.optional(),
  direct_media: fields.direct_media.default(false),
  verstat: fields.verstat.default(null),
})
const Patch = z.strictObject(fields).partial()

const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  name: z.string(),
  uri: z.string(),
  ring_timeout: z.int(),
  max_concurrent_calls: z.int().nullable(),
  caps: CapsAnswer.omit({ concurrent: true }).nullable(),
  audio: BuyerAudioAnswer,
  direct_media: z.boolean(),
  verstat: z.enum(VERSTATS).nullable(),
  status: ReachAnswer,
  quality: QualityWindowAnswer.nullable().meta({ description: 'The last hour' }),
  ...s.printedStored,
})

type Hour = ReturnType<typeof printHour>

const print = (target: Target, reach: Reachability, quality: Hour): z.input<typeof Answer> => ({
  id: target.id,
  account_id: target.accountId,
  name: target.name,
  uri: target.uri,
  ring_timeout: target.ringTimeout,
  max_concurrent_calls: target.maxConcurrentCalls,
  caps: target.caps ? { ...target.caps } : null,
  audio: printBuyerAudio(target.audio),
  direct_media: target.directMedia,
  verstat: target.verstat ?? null,
  status: printReach(reach),
  quality,
  ...s.printStored(target),
})

/** Where to ring: a SIP URI as given, or a phone number in E.164; throws 422 for anything else. */
function readUri(kit: Kit, input: string, accountId: AccountId): string {
  if (!/^sips?:/i.test(input)) {
    if (/^[+\d(]/.test(input)) return phoneAt(kit, '/uri', input)
    throw invalid('/uri', 'must be a SIP URI, such as sip:sales@buyer.example, or an E.164 number', 'invalid_uri')
  }
  if (!isSipUri(input)) throw invalid('/uri', 'is not a SIP URI that can be rung', 'invalid_uri')
  if (kit.sip.isCarrier(input))
    throw invalid('/uri', 'is at the carrier of an outbound trunk: give the number alone', 'not_allowed')
  const username = kit.sip.usernameIn(input)
  if (username !== null && kit.sip.ownerOf(username) !== accountId)
    throw invalid('/uri', `the account has no SIP user ${username}`, 'not_found')
  return input
}

/** Targets: where a buyer's won calls ring. */
export function targetEndpoints(kit: Kit): Endpoint[] {
  return crud(kit, {
    name: 'targets',
    noun: 'target',
    store: kit.stores.targets,
    who: BUYERS,
    ownerTypes: ['buyer'],
    create: Create,
    patch: Patch,
    answer: Answer,
    draft: async (body, owner) => ({
      accountId: owner.id,
      name: body.name,
      uri: readUri(kit, body.uri, owner.id),
      ringTimeout: body.ring_timeout,
      maxConcurrentCalls: body.max_concurrent_calls,
      caps: body.caps && readCaps(body.caps, null),
      audio: (await readBuyerAudio(kit, body.audio, null)) ?? null,
      directMedia: body.direct_media,
      verstat: body.verstat,
    }),
    changes: async (body, current) =>
      given({
        name: body.name,
        uri: body.uri === undefined ? undefined : readUri(kit, body.uri, current.accountId),
        ringTimeout: body.ring_timeout,
        maxConcurrentCalls: body.max_concurrent_calls,
        caps: body.caps && readCaps(body.caps, current.caps ?? null),
        audio: await readBuyerAudio(kit, body.audio, current.audio ?? null),
        directMedia: body.direct_media,
        verstat: body.verstat,
      }),
    print: (target) => print(target, kit.reachOf(target.id), printHour(kit.quality.ofTarget(target.id))),
  })
}
