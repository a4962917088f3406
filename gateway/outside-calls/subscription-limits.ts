/** The bounds of subscriptions that pass through us outside calls. */
export const SUBSCRIPTION_LIMITS = {
  /** Subscriptions up at a time, and those of one subscriber: a desk with a lamp for each of its colleagues. */
  max: 5_000,
  maxOfOne: 200,
  /** What a subscriber may ask for, seconds. */
  minExpiresS: 60,
  maxExpiresS: 3_600,
  /** How long all phones together may take to answer the SUBSCRIBE; its sender gives up after 32 s. */
  answerMs: 25_000,
  /** How much longer than granted a subscription is remembered: its last NOTIFY may be on the way (RFC 6665 §4.1.2.4, timer N). */
  graceMs: 32_000,
  /** NOTIFYs of one subscription that wait for their answer. */
  maxOpenNotifies: 8,
  /** How long a stop waits for subscribers to take note, and when these may come again, seconds. */
  closeMs: 1_000,
  retryAfterS: 30,
}

export type SubscriptionLimits = typeof SUBSCRIPTION_LIMITS
