import type { Logger } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { Clock } from '../../model/clock.ts'
import { newId, type TrunkId } from '../../model/ids.ts'
import type { Random } from '../../model/random.ts'
import type { Announcements } from '../announcements.ts'
import { Probes } from './probes.ts'
import { registerAt } from './register-at.ts'
import type { Registrar } from '../registrar/registrar.ts'
import type { Schedule } from '../start/schedule.ts'
import type { Signaling } from '../srf.ts'
import { TrunkRegistrations } from './trunk-registrations.ts'
import { trunkParty } from '../identity/trunk-party.ts'

/** `@localhost` is drachtio’s word for the address the request leaves from. */
const PROBE_HEADERS = { From: '<sip:probe@localhost>', Accept: 'application/sdp' }

export interface ReachabilityNeeds {
  readonly settings: Settings
  readonly log: Logger
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly random: Random
  readonly schedule: Schedule
  /** These are there before anybody is asked, and not when this is built. */
  readonly signaling: () => Signaling
  readonly registrar: () => Registrar
  readonly announcements: () => Announcements
}

/** Who can be rung: targets and trunks are asked by OPTIONS, and carriers that want it know us by REGISTER. */
export function createReachability(needs: ReachabilityNeeds): { probes: Probes; registrations: TrunkRegistrations } {
  const { settings, log, telemetry, clock, random, schedule, signaling, registrar, announcements } = needs
  const { telephony, drachtio } = settings
  const partyOf = (id: TrunkId) => trunkParty(id, drachtio.host === null)
  const probes = new Probes(
    {
      sendOptions: (place) => {
        const headers = place.kind === 'trunk' ? { ...PROBE_HEADERS, ...partyOf(place.id as TrunkId) } : PROBE_HEADERS
        return signaling().request(place.uri, { method: 'OPTIONS', headers, ...(place.auth && { auth: place.auth }) })
      },
      schedule,
      clock,
      random,
      onChange(place, { state, lastStatus }) {
        const { kind, id, name } = place
        log[state === 'down' ? 'warn' : 'info']({ kind, id, name, status: lastStatus }, `${kind} ${state}`)
        announcements().reachability(place, probes.reachOf(id))
      },
      onProbed: (kind, isAnswered) => telemetry.probes.inc({ kind, result: isAnswered ? 'answered' : 'silent' }),
    },
    {
      intervalMs: telephony.probeIntervalMs,
      failuresToDown: telephony.probeFailures,
      isStrict: telephony.probeStrict,
      withInboundTrunks: telephony.probeInboundTrunks,
      isAddressOfRecord: (uri) => registrar().usernameIn(uri) !== null,
    },
  )
  const registrations = new TrunkRegistrations({
    register: (registration) => registerAt(signaling(), registration, partyOf(registration.trunk.id)),
    schedule,
    clock,
    random,
    newCallId: () => newId(),
    onChange({ id, name }, { state, status }) {
      log[state === 'failed' ? 'warn' : 'info']({ id, name, status }, `trunk registration ${state}`)
    },
  })
  return { probes, registrations }
}
