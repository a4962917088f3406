import type { Log } from '../../config/logger.ts'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'
import { parseRequestHandler } from '../sip-server/request-handler.ts'
import { startSip } from '../start/start-sip.ts'

/**
 * `dce sip-server`: the SIP server by itself, for applications that connect over its control port (an exchange with
 * `drachtio.host`, or anything written with drachtio-srf). Resolves once it listens.
 */
export async function startSipServerAlone(
  settings: Settings,
  log: Log,
  onFatal: () => void,
): Promise<{ stop(): Promise<void> }> {
  const { secret } = settings.drachtio
  const { controlHost, controlPort, controlTlsPort, applicationGraceMs } = settings.telephony
  if (secret === null) {
    const why = 'drachtio.secret must be set for dce sip-server: applications say it when they connect'
    throw new SettingsError('drachtio.secret', why)
  }
  const { server, stopWatching } = await startSip(settings, log.logger, {
    control: { host: controlHost, port: controlPort, secret, tlsPort: controlTlsPort },
    requestHandlers: settings.telephony.requestHandlers.map(readHandler),
    limits: { applicationGraceMs },
  })
  void server.failed.then((error) => {
    log.logger.fatal({ error }, 'the SIP server is gone')
    onFatal()
  })
  log.logger.info({ sip: server.listening, control: { host: controlHost, port: server.controlPort } }, 'ready')
  return {
    stop: () => {
      stopWatching()
      return server.close()
    },
  }
}

function readHandler(text: string): ReturnType<typeof parseRequestHandler> {
  try {
    return parseRequestHandler(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SettingsError('telephony.request_handlers', `telephony.request_handlers: ${why}`)
  }
}
