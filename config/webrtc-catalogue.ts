import { may, set } from './setting.ts'
import { duration, ICE_URLS, TEXT, WEBSOCKET_URL, whole } from './setting-kinds.ts'

/** The settings of browsers: what their pages are told, and how freely. */
export const WEBRTC = {
  'webrtc.sip_url': may(
    WEBSOCKET_URL,
    'Where pages reach SIP over WebSocket; unset: at the host they came from, on wss_port or ws_port.',
  ),
  'webrtc.stun': set(ICE_URLS, [], 'STUN servers that pages are told of: stun:stun.example.com:3478.'),
  'webrtc.turn_urls': set(
    ICE_URLS,
    [],
    'TURN servers, as turn:turn.example.com:3478?transport=udp; they need webrtc.turn_secret.',
  ),
  'webrtc.turn_secret': may(TEXT, 'coturn’s static-auth-secret, by which time-limited credentials are made.', {
    secret: 'all',
  }),
  'webrtc.turn_ttl': set(
    duration('1m', '24h'),
    10_800_000,
    'How long TURN credentials last: longer than a call (telephony.max_call_duration).',
  ),
  'webrtc.tokens_per_minute': set(
    whole(1, 100_000),
    120,
    'The most click-to-call tokens an account may make in a minute.',
  ),
} as const
