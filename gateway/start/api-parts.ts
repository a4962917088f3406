import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as credentials from '../../accounts/credentials.ts'
import type { Compliance } from '../../compliance/compliance.ts'
import { validatePhone } from '../../compliance/validate-phone.ts'
import type { ReferencePlaces } from '../../config/reference-data.ts'
import { effectiveSettings, type Settings } from '../../config/settings.ts'
import type { ClickTerms } from '../../model/click-token.ts'
import type { AccountId, AuctionId, BidId, CallId, SipUserId, TargetId, TrunkId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { TrackedEvent } from '../../model/tracking.ts'
import type { AddressGuard } from '../outgoing/address-guard.ts'
import type { TrackingIntake } from '../needs.ts'
import type { Ping } from '../../model/ping.ts'
import { apiSettings } from './api-settings.ts'
import type { createBidders } from './bidders.ts'
import type { createScreening } from './screening.ts'
import { countAnswered } from './count-answered.ts'
import { createAudioStudio } from './audio-studio.ts'
import type { ExchangeParts } from '../parts.ts'
import { reachOf } from '../reachability/reach-of.ts'
import type { SipGuard } from '../identity/sip-guard.ts'
import type { SipServerHandle } from '../sip-server/start.ts'
import { createSipTraces } from './sip-traces.ts'
import type { SteadyTime } from './steady-time.ts'
import type { TrunkRegistrations } from '../reachability/trunk-registrations.ts'

export interface ApiPartsNeeds {
  readonly settings: Settings
  readonly places: ReferencePlaces
  /** Null when it is not ours. */
  readonly sipServer: SipServerHandle | null
  readonly sipGuard: SipGuard
  readonly registrations: TrunkRegistrations
  readonly steady: SteadyTime
  readonly intake: Pick<TrackingIntake, 'add'>
  /** Records that are not in the database yet. */
  readonly recordsPending: () => number
  readonly guard: Pick<AddressGuard, 'mayCall'>
  readonly bidders: ReturnType<typeof createBidders>['desk']
  readonly screening: Pick<ReturnType<typeof createScreening>, 'compliance' | 'api'>
}

/** What the API asks of the running exchange, out of its parts; its stores, keys and health are main.ts's to add. */
export function apiParts(parts: ExchangeParts, needs: ApiPartsNeeds) {
  const { directory, registrar, trunks, telemetry, clickTokens, media } = parts
  const { settings, places, sipServer, sipGuard, registrations, steady, intake, recordsPending, guard } = needs
  const { realm } = settings.telephony
  const { compliance } = needs.screening
  return {
    ...needs.screening.api,
    liveCalls: parts.liveCalls,
    quality: parts.quality,
    outcomes: {
      learn: (outcome: Outcome) => parts.routing.learn(outcome),
      of: (id: TargetId) => parts.routing.qualityOf(id),
    },
    balances: parts.balances,
    bidders: needs.bidders,
    pings: {
      ownerOf: (number: PhoneNumber) => directory.number(number)?.accountId ?? null,
      onlyNumberOf: (seller: AccountId) => directory.onlyNumberOf(seller),
      ask: (ping: Ping) => parts.pings.ask(ping),
      quoted: (token: string, seller: AccountId) => parts.pings.quoted(token, seller),
      decision: (id: AuctionId) => parts.pings.decision(id),
    },
    liveBidding: {
      isOpen: (id: CallId) => parts.routing.isBiddingOpen(id),
      hasTaken: (id: BidId) => parts.routing.hasBid(id),
    },
    mayCall: (hostname: string) => guard.mayCall(hostname),
    tracking: {
      mayMissCalls: () => recordsPending() > 0,
      async add(event: TrackedEvent, isChecked: boolean) {
        const count = (result: string): void => telemetry.trackingEvents.inc({ type: event.type, result })
        await intake.add(event, isChecked).then(
          () => count('taken'),
          (error: unknown) => {
            count('turned_away')
            throw error
          },
        )
      },
    },
    clock: parts.clock,
    log: parts.log,
    sipTraces: createSipTraces(sipServer, settings.telephony.trace.enabled),
    reachOf: (id: TargetId | TrunkId) => reachOf(id, parts),
    registrationOf: (id: TrunkId) => registrations.of(id),
    compliance,
    judgeHours: (question: Parameters<Compliance['judgeHours']>[0]) => compliance.judgeHours(question),
    validatePhone: (text: string) => validatePhone(text, places),
    effectiveConfig: () => effectiveSettings(settings),
    renderMetrics: async () => ({ contentType: telemetry.contentType, body: await telemetry.render() }),
    ...(sipServer && { sipBans: { list: () => sipGuard.bans(), lift: (address: string) => sipGuard.lift(address) } }),
    resolveZip: (zip: string) => places.ofZip(zip),
    settings: apiSettings(settings, sipServer?.listening ?? []),
    audio: createAudioStudio(settings, media),
    clickTokens: {
      ownerOf: (number: PhoneNumber) => directory.number(number)?.accountId ?? null,
      issue: (terms: ClickTerms) => clickTokens.issue(terms),
    },
    passwords: { hash: credentials.hashPassword, verify: credentials.verifyPassword },
    sip: {
      realm,
      digestOf: (username: string, password: string) => credentials.digestSecret(username, realm, password),
      bindingsOf: (id: SipUserId) => steady.toWall(registrar.bindingsOf(id)),
      usernameIn: (uri: string) => registrar.usernameIn(uri),
      ownerOf: (username: string) => registrar.ownerOf(username),
      isCarrier: (uri: string) => trunks.isCarrier(uri),
    },
    apiKeys: { generate: newApiKey, hash: credentials.hashSecret },
    version: packageVersion(),
    onRequest: countAnswered(telemetry),
  }
}

function newApiKey(): { secret: string; hash: string } {
  const { secret, secretHash } = credentials.createApiKeySecret()
  return { secret, hash: secretHash }
}

function packageVersion(): string {
  const text = readFileSync(join(import.meta.dirname, '../..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
