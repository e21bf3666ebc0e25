# frozen_string_literal: true

require "ipaddr"

module Milter
  module Manager
    # The kernel's TCP connections, as net/tcp and net/tcp6 in /proc list
    # them: who is the local end of the connection from a foreign address and
    # port?
    #
    # The text is searched as it is, for the foreign end as the kernel writes
    # it: a busy machine has tens of thousands of lines, of which few are asked for.
    class SocketTable
      # Not by /proc/net: a service may see nothing of /proc but processes (ProcSubset=pid).
      PATHS = %w[/proc/self/net/tcp /proc/self/net/tcp6].freeze
      # The kernel's numbers from 1, by the names that netstat gives them.
      STATES = %w[ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT
                  LAST_ACK LISTEN CLOSING].freeze
      SHARE = 3 # reading may take a third of our time,
      PATIENCE = 0.5 # s; but nobody waits longer than that for his turn
      PORTION = 32_768 # bytes read before others have theirs; a line costs the kernel microseconds

      # One connection: the local end and the state, a name or "".
      Row = Struct.new(:local_address, :local_port, :state)

      attr_accessor :interval

      def initialize(interval, paths = PATHS)
        @interval = interval # s for which a table is good
        @paths = paths
        @texts = []
        @read_at = -Float::INFINITY # when the last reading began
        @cost = 0 # s that it took
        @reading = Mutex.new
      end

      # The rows of that foreign end, none when there is no table; of a table
      # that may be as old as the interval.  Waits in a condition, works everywhere.
      def find(ip_address, port)
        read(now - @interval)
        search(ip_address, port)
      end

      # The established one: looked for in a table that was read from now on
      # before it counts as missing, for it may be new, and an older connection
      # may have had the same port.  nil when there is none.  From conditions only.
      def find_established(ip_address, port)
        asked_at = now
        row = established(find(ip_address, port))
        return row if row || @read_at >= asked_at

        wait_for_turn
        read(asked_at)
        established(search(ip_address, port))
      end

      # An address as the kernel writes it: words of 32 bits, each in the machine's order.
      def self.hexadecimal(ip_address) = ip_address.hton.unpack("L*").map { |word| format("%08X", word) }.join

      # The way back; nil for what is none.  IPv4 in IPv6 is IPv4.
      def self.address(text)
        return unless text.match?(/\A(?:\h{8}|\h{32})\z/)

        IPAddr.new_ntoh(text.scan(/\h{8}/).map(&:hex).pack("L*")).native
      end

      private

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

      def established(rows) = rows.find { |row| row.state == "ESTABLISHED" }

      def wait_for_turn
        pause = @read_at + SHARE * @cost - now
        sleep([pause, PATIENCE].min) if pause.positive?
      end

      # Unless there is a table that was read since then.
      def read(since)
        return if @read_at >= since || (Fiber.current_scheduler.nil? && @reading.locked?)

        @reading.synchronize { read_all if @read_at < since }
      end

      def read_all
        started = now
        cost = 0
        texts = @paths.map do |path|
          text, seconds = read_file(path)
          cost += seconds
          text
        end
        @texts = texts
        @cost = cost
        @read_at = started
      end

      # The text and the time it took.
      def read_file(path)
        text = +"".b
        cost = 0
        File.open(path, encoding: Encoding::BINARY) do |file|
          until file.eof?
            sleep(0) if Fiber.current_scheduler && !text.empty?
            started = now
            text << file.read(PORTION)
            cost += now - started
          end
        end
        [text, cost]
      rescue SystemCallError
        ["", 0]
      end

      # Either kind of socket may be the other end of an IPv4 connection.
      def search(ip_address, port)
        ip_address = ip_address.native
        addresses = ip_address.ipv4? ? [ip_address, ip_address.ipv4_mapped] : [ip_address]
        addresses.flat_map do |address|
          end_point = format("%s:%04X", self.class.hexadecimal(address), port)
          @texts.flat_map { |text| rows_of(text, end_point) }
        end
      end

      def rows_of(text, end_point)
        needle = " #{end_point} "
        rows = []
        at = -1
        while (at = text.index(needle, at + 1))
          row = row_at(text, at, end_point)
          rows << row if row
        end
        rows
      end

      # nil when it is the local end that was found.
      def row_at(text, at, end_point)
        start = (text.rindex("\n", at) || -1) + 1
        _, local, foreign, state = text.byteslice(start, 256).split(" ", 5)
        return unless foreign == end_point && state

        address, _, port = local.rpartition(":")
        address = self.class.address(address)
        Row.new(address.to_s, port.hex, state_name(state)) if address
      end

      def state_name(text) = text.hex.positive? ? STATES[text.hex - 1].to_s : ""
    end
  end
end
