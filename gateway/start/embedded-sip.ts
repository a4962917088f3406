import { randomBytes } from 'node:crypto'
import type { Log } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import type { SipGuard } from '../identity/sip-guard.ts'
import { DEFAULT_GUARD, SCANNERS, type GuardOptions } from '../sip-server/start.ts'
import { startSip, type RunningSip } from './start-sip.ts'

/** How much longer than the exchange's own limits the SIP server lets a dialog live or ring. */
const LAST_RESORT_MS = 600_000

/** The SIP server in this process, as the exchange wants it; `secret` lets the exchange in. */
export async function startEmbeddedSip(
  settings: Settings,
  log: Log['logger'],
  guard: SipGuard,
): Promise<RunningSip & { secret: string }> {
  const secret = settings.drachtio.secret ?? randomBytes(16).toString('hex')
  const running = await startSip(settings, log, {
    control: { host: '127.0.0.1', port: settings.telephony.controlPort, secret },
    // Its own last resorts, behind the exchange's limits and never before them.
    limits: {
      maxDialogMs: settings.telephony.maxCallDurationMs + LAST_RESORT_MS,
      maxRingingMs: settings.telephony.maxSetupDurationMs + LAST_RESORT_MS,
    },
    guard: guardOptions(settings),
    understands: { extensions: ['timer', '100rel', 'replaces'], bodies: ['application/sdp', 'multipart/mixed'] },
    asksForEnds: true,
    onNotice: (notice) => guard.noticed(notice),
  })
  guard.attach(running.server)
  return { ...running, secret }
}

function guardOptions({ telephony: { abuse } }: Settings): Partial<GuardOptions> {
  return {
    requests: rate(abuse.requestsPerSecond, 2),
    trustedRequests: rate(abuse.trustedRequestsPerSecond, 2),
    malformed: rate(abuse.malformedPerSecond, 4),
    failedAuthentications: { ...DEFAULT_GUARD.failedAuthentications, burst: abuse.failedAuthentications },
    banMs: abuse.banMs,
    maxBanMs: Math.max(abuse.banMs, abuse.maxBanMs),
    scanners: [...SCANNERS, ...abuse.scannerAgents],
  }
}

/** A rate whose burst is so many seconds' worth. */
function rate(perSecond: number, seconds: number): { perSecond: number; burst: number } {
  return { perSecond, burst: perSecond * seconds }
}
