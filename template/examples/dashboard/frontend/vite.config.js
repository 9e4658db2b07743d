import { defineConfig } from 'vite'

// "npm run dev" serves the page with hot reload; the API comes from the stack, or from a Flask beside it.
export default defineConfig({
  server: { proxy: { '/api': process.env.API_URL ?? 'http://localhost:8004' } },
})
