/** A setting that stops the start. The message is one line: the key, the value (masked if secret) and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly key: string

  constructor(key: string, message: string) {
    super(message.replaceAll(/\s+/g, ' '))
    this.key = key
  }
}
