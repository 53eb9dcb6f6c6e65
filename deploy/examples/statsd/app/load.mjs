// Requests a page twenty times per second.

const { WEB_URL = 'http://web:8000' } = process.env
const pages = ['/', '/', '/search', '/pay']

setInterval(async () => {
  const page = pages[Math.floor(Math.random() * pages.length)]
  try {
    await (await fetch(new URL(page, WEB_URL))).text()
  } catch {
    // the next request follows
  }
}, 50)
