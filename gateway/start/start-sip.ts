import { join } from 'node:path'
import type { Log } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import { publicAddresses, sipAddresses } from './addresses.ts'
import { loadCertificates, watchCertificates } from './certificates.ts'
import { NICE, startAs } from '../../model/thread-priority.ts'
import { youngGenerationMb } from './collector.ts'
import {
  startSipServer,
  type OverloadOptions,
  type SipServerHandle,
  type SipServerOptions,
  type TlsCertificates,
} from '../sip-server/start.ts'

/** A SIP server as the settings want it. */
export interface RunningSip {
  readonly server: SipServerHandle
  /** Ends the watch over certificate files. */
  readonly stopWatching: () => void
}

/** Who runs it adds where applications connect, and what only it knows. */
interface OwnOptions extends Pick<
  SipServerOptions,
  'limits' | 'guard' | 'onNotice' | 'requestHandlers' | 'understands' | 'asksForEnds'
> {
  /** `tlsPort`: the same over TLS, with the certificate of SIP. */
  readonly control: Omit<SipServerOptions['control'], 'tls'> & { readonly tlsPort?: number | 'off' }
}

/** Starts the SIP server: addresses, certificates, timers, names and traces from the settings, the rest from `own`. */
export async function startSip(settings: Settings, log: Log['logger'], own: OwnOptions): Promise<RunningSip> {
  const { t1Ms, t2Ms, t4Ms, tlsCert, tlsKey, tlsCa, tlsVerify, wsOrigins } = settings.telephony
  const listen = sipAddresses(settings.telephony)
  const tls = {
    cert: tlsCert,
    key: tlsKey,
    ca: tlsCa,
    directory: join(settings.dataDir, 'keys'),
    addresses: publicAddresses(settings.telephony),
  }
  const { tlsPort: controlTlsPort = 'off', ...control } = own.control
  const isSecure =
    controlTlsPort !== 'off' || listen.some(({ transport }) => transport === 'tls' || transport === 'wss')
  const certificates = isSecure ? await loadCertificates(tls) : null
  const server = await startSipServer({
    listen,
    ...(certificates !== null && { tls: { ...certificates, verify: tlsVerify, isShown: tlsCert !== null } }),
    webSocketOrigins: wsOrigins,
    timers: { t1Ms, t2Ms, t4Ms },
    dnsServers: settings.telephony.dnsServers,
    largeRequests: settings.telephony.largeMessages,
    publicAddresses: publicAddresses(settings.telephony),
    ...sightOf(settings),
    ...(settings.telephony.overload.enabled && { overload: overloadOptions(settings) }),
    youngGenerationMb: youngGenerationMb(),
    startThread: (start) => startAs(NICE.sipServer, start),
    onLog: (level, message) => log[level]({ part: 'sip-server' }, message),
    ...own,
    control: {
      ...control,
      ...(controlTlsPort !== 'off' && certificates !== null && { tls: { ...certificates, port: controlTlsPort } }),
    },
  })
  if (certificates === null) return { server, stopWatching: () => undefined }
  const use = async (renewed: TlsCertificates): Promise<void> => {
    await server.ask('replaceCertificates', renewed)
    log.info({ part: 'sip-server' }, 'certificates loaded again')
  }
  const stopWatching = watchCertificates(tls, certificates, use, (error) =>
    log.error({ part: 'sip-server', error }, 'the certificates cannot be used: the old ones stay'),
  )
  return { server, stopWatching }
}

/** Who sees the SIP messages: the trace, a capture server, both or nobody. */
function sightOf({ telephony: { trace, hep } }: Settings): Pick<SipServerOptions, 'trace' | 'hep'> {
  const { host, port, captureId, password } = hep
  return {
    ...(trace.enabled && { trace: { maxBytes: trace.maxBytes, maxMessagesPerCall: trace.maxMessagesPerCall } }),
    ...(host !== null && { hep: { host, port, captureId, password } }),
  }
}

function overloadOptions({ telephony: { overload } }: Settings): Partial<OverloadOptions> {
  const { lateMs, maxWaitingInvites } = overload
  // The other thresholds keep their distance from this one.
  return { lateMs, goodMs: lateMs * 0.4, shutMs: lateMs * 4, maxWaitingInvites }
}
