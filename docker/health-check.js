// The image's HEALTHCHECK: healthy while the exchange takes calls. A drain makes it unhealthy on purpose.
const url = `http://127.0.0.1:${process.env.DCE_SERVER_PORT ?? 8080}/health/ready`
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2500) })
  process.exitCode = answer.status === 200 ? 0 : 1
} catch {
  process.exitCode = 1
}
