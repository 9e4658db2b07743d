'use client'

import { useRouter } from 'next/navigation'
import { useEffect } from 'react'

/** Asks the server for the page again, each second, for as long as it is part of it. */
export function Refresh() {
  const router = useRouter()
  useEffect(() => {
    const timer = setInterval(() => router.refresh(), 1000)
    return () => clearInterval(timer)
  }, [router])
  return <noscript><meta httpEquiv="refresh" content="2" /></noscript>
}
