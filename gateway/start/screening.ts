import { auditKeys } from '../../compliance/audit/audit-key.ts'
import { createCompliance, type Compliance } from '../../compliance/compliance.ts'
import type { Logger } from '../../config/logger.ts'
import type { ReferencePlaces } from '../../config/reference-data.ts'
import type { Settings } from '../../config/settings.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { BookChange } from '../../model/book.ts'
import type { Clock } from '../../model/clock.ts'
import type { EventBus } from '../../model/events.ts'
import type { AccountId, SuppressionListId } from '../../model/ids.ts'
import type { Announcements } from '../announcements.ts'
import type { Directory } from '../directory.ts'
import { ListLoader, type ListStorage } from '../do-not-call/list-loader.ts'
import type { Trunks } from '../identity/trunks.ts'
import type { Call } from '../live-call.ts'
import { ReassignedNumbers, type ReassignedStorage } from '../do-not-call/reassigned-numbers.ts'
import { OutsideLists } from '../do-not-call/outside-lists.ts'
import type { CallNews, DncAnswers } from '../needs.ts'
import type { AddressGuard } from '../outgoing/address-guard.ts'
import { HttpClient } from '../outgoing/http-client.ts'
import { ConsentKeeper, type ConsentStorage } from '../screening/consent-keeper.ts'
import { ConsumerCalls, type ConsumerCallNews } from '../screening/consumer-calls.ts'
import { Screening } from '../screening/screening.ts'
import type { ScreeningPart } from '../screening/screening-part.ts'
import { auditPlaces } from './audit.ts'
import { SharedNews } from '../screening/shared-news.ts'
import type { FraudStorage } from '../fraud/fraud-part.ts'
import { createFraud } from './fraud.ts'
import { complianceOptions } from './part-options.ts'
import { systemSchedule } from './schedule.ts'
import { createOutgoingIdentity, createVerification } from './stir.ts'

interface ScreeningNeeds {
  readonly settings: Settings
  readonly places: ReferencePlaces
  readonly directory: Directory
  readonly trunks: Trunks
  readonly events: EventBus
  readonly announcements: Announcements
  /** Whose the things are that the exchange makes by itself. */
  readonly operatorId: AccountId
  /** Where requests of ours may go. */
  readonly guard: AddressGuard
  /** Null: no other gateway. */
  readonly news: CallNews | null
  /** What outside do-not-call lists have answered; null: no Redis. */
  readonly dncAnswers: DncAnswers | null
  readonly clock: Clock
  readonly log: Logger
  readonly telemetry: Telemetry
}

/** What the parts of screening keep, and read at a start; storage/storage.ts has it. */
export type ScreeningStorage = ListStorage &
  ReassignedStorage &
  ConsentStorage &
  FraudStorage & { latestCalls(since: Date, inbound: boolean): AsyncIterable<ConsumerCallNews> }

/**
 * Everything that judges whether a call may be sold, and its life in the process: main.ts knows of no single part. A part is built here, and
 * takes its place in `parts`, whose order is the precedence among evidence and among judges.
 */
export function createScreening(needs: ScreeningNeeds) {
  const { settings, places, operatorId, announcements, clock, log, telemetry } = needs
  const news = needs.news && new SharedNews(needs.news)
  const compliance = createCompliance({ places, clock }, complianceOptions(settings))
  const listLoader = new ListLoader({ lists: compliance.suppression, schedule: systemSchedule, log })
  const fraud = createFraud(settings, { operatorId, places, news, announcements, clock, log, telemetry })
  const outsideLists = createOutsideLists(compliance, needs)
  const reassignedNumbers = new ReassignedNumbers(systemSchedule, log)
  const parts: readonly ScreeningPart<ScreeningStorage>[] = [
    createVerification(needs) ?? {},
    listLoader,
    outsideLists,
    reassignedNumbers,
    new ConsumerCalls(compliance, news, clock),
    new ConsentKeeper(settings.consent.retentionDays, {
      clock,
      stats: () => compliance.consentStats(),
      bindsFromFirst: settings.compliance.consent.asked === 'when_kept',
      log,
    }),
    ...(fraud ? [fraud] : []),
  ]
  const { stopsAtFirst, maxWaiting } = screeningOptions(settings)
  const screening = new Screening({
    compliance,
    evidence: parts.flatMap(({ evidence = [] }) => evidence),
    judges: parts.flatMap(({ judge }) => judge ?? []),
    stopsAtFirst,
    maxWaiting,
    monotonicMs: () => clock.monotonicMs(),
    onEnded({ name }, result, seconds) {
      telemetry.evidence.inc({ evidence: name, result })
      telemetry.evidenceSeconds.observe({ evidence: name }, seconds)
    },
    onError: ({ name }, error) => log.warn({ evidence: name, error }, 'evidence could not be had'),
  })
  telemetry.beforeRender(() => {
    telemetry.evidenceWaiting.set(screening.waiting)
    telemetry.callNewsUntold.set(news?.untold ?? 0)
  })
  return {
    compliance,
    screening,
    /** What the steps of a call ask for. */
    forCalls: { screening, outgoingIdentity: createOutgoingIdentity(needs) },
    /** What the API asks of the parts, by the names it has for it. */
    api: {
      fraud,
      listLoaded: (id: SuppressionListId) => listLoader.loaded(id),
      reassignedKept: () => reassignedNumbers.look(),
      auditKeys: () => auditKeys(auditPlaces(settings).keys),
    },
    apply(change: BookChange): void {
      compliance.apply(change)
      for (const part of parts) part.apply?.(change)
    },
    open(opened: ScreeningStorage): void {
      for (const part of parts) part.open?.(opened)
    },
    /** Once the book is loaded. */
    async start(): Promise<void> {
      for (const part of parts) await part.start?.()
    },
    ended(call: Call): void {
      for (const part of parts) part.ended?.(call)
    },
    async close(): Promise<void> {
      for (const part of parts.toReversed()) await part.close?.()
    },
  }
}

function createOutsideLists(
  compliance: Compliance,
  { settings, guard, dncAnswers: shared, clock }: ScreeningNeeds,
): OutsideLists {
  const client = new HttpClient(guard, { connections: LOOKUP_CONNECTIONS, maxAnswerBytes: MAX_LOOKUP_ANSWER_BYTES })
  const { cacheTtlMs: ttlMs, cacheAnswers: most } = settings.dnc
  return new OutsideLists({ compliance, client, shared, clock, cache: { ttlMs, most } })
}

/** To each service that keeps a do-not-call list. */
const LOOKUP_CONNECTIONS = 20
const MAX_LOOKUP_ANSWER_BYTES = 65_536

/** What the settings tell the pipeline itself. */
function screeningOptions({ compliance }: Settings): { stopsAtFirst: boolean; maxWaiting: number } {
  const { collect, maxWaiting } = compliance.screening
  return { stopsAtFirst: collect === 'first', maxWaiting }
}
