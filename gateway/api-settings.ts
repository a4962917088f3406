import type { Settings } from '../config/settings.ts'

/** What the API asks of the settings; its two limits of the live feed are not settings yet. */
export function apiSettings(settings: Settings) {
  return {
    host: settings.server.host,
    port: settings.server.port,
    bodyLimitBytes: settings.server.maxBodyBytes,
    tokenExpirySeconds: settings.security.tokenExpiryMs / 1000,
    refreshTokenExpirySeconds: settings.security.refreshTokenExpiryMs / 1000,
    loginPerMinute: settings.security.loginPerMinute,
    wsMaxClients: 10_000,
    wsBufferBytes: 1024 ** 2,
  }
}
