import type { Settings } from '../../config/settings.ts'

/** What the API asks of the settings; its two limits of the live feed are not settings yet. */
export function apiSettings(settings: Settings, listening: readonly { transport: string; port: number }[]) {
  const { sipUrl, stun, turnUrls, turnSecret, turnTtlMs, tokensPerMinute } = settings.webrtc
  const portOf = (name: 'ws' | 'wss'): number | null => {
    const found = listening.find(({ transport }) => transport === name)?.port
    if (found !== undefined) return found
    // Another SIP server's ports are where ours would be, or webrtc.sip_url says so.
    const port = name === 'ws' ? settings.telephony.wsPort : settings.telephony.wssPort
    return settings.drachtio.host !== null && typeof port === 'number' && port > 0 ? port : null
  }
  return {
    host: settings.server.host,
    port: settings.server.port,
    bodyLimitBytes: settings.server.maxBodyBytes,
    tokenExpirySeconds: settings.security.tokenExpiryMs / 1000,
    refreshTokenExpirySeconds: settings.security.refreshTokenExpiryMs / 1000,
    loginPerMinute: settings.security.loginPerMinute,
    disputeDays: settings.accounts.disputeDays,
    webrtc: {
      sipUrl,
      wsPort: portOf('ws'),
      wssPort: portOf('wss'),
      stun,
      turnUrls,
      turnSecret,
      turnTtlMs,
      tokensPerMinute,
    },
    wsMaxClients: 10_000,
    wsBufferBytes: 1024 ** 2,
  }
}
