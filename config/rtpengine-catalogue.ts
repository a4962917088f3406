import { may, set, SHORT_WAIT } from './setting.ts'
import { duration, TEXT, WEIGHTED_SERVERS, whole } from './setting-kinds.ts'

/** The settings of the media engine rtpengine; without `media.engine: rtpengine` they mean nothing. */
export const RTPENGINE = {
  'media.rtpengine.addresses': set(
    WEIGHTED_SERVERS,
    [{ host: '127.0.0.1', port: 22_222, weight: 1 }],
    'The ng ports of the rtpengines. One of weight 3 gets three times the calls of one of weight 1; one of weight 0 gets no new ones.',
  ),
  'media.rtpengine.request_timeout': set(
    SHORT_WAIT,
    1000,
    'How long an rtpengine may take to answer; it is asked again meanwhile. A call it does not answer for goes to the next.',
  ),
  'media.rtpengine.ping_interval': set(duration('100ms', '1m'), 1000, 'How often each is asked whether it is there.'),
  'media.rtpengine.ping_misses': set(
    whole(1, 100),
    3,
    'So many pings in a row without an answer, and it is down: its live calls end, and new ones go elsewhere.',
  ),
  'media.rtpengine.query_interval': set(
    duration('100ms', '10m'),
    5000,
    'How often each live call is looked up, to see that its rtpengine still knows it and that neither side is silent.',
  ),
  'media.rtpengine.prompts_dir': may(
    TEXT,
    'Where the rtpengines’ machines have the same prompts, for those of more than 7 s; unset: they read ours, on this machine.',
  ),
}
