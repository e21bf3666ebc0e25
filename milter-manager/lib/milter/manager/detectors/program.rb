# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # Asks a program of the system something, for a limited time.
      module Program
        LARGEST = 16 * 1024 * 1024 # bytes of an answer
        ENVIRONMENT = { "LC_ALL" => "C", "PATH" => "/usr/sbin:/usr/bin:/sbin:/bin" }.freeze

        # It has no answer; the message says why.
        class Failed < StandardError; end

        # Until when, and what to say when it is over.
        class Limit
          def initialize(seconds, message)
            @end = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
            @message = message
          end

          # Seconds that are left
          def left
            seconds = @end - Process.clock_gettime(Process::CLOCK_MONOTONIC)
            raise Failed, @message unless seconds.positive?

            seconds
          end
        end

        module_function

        # What it writes; seconds: after that it is killed with all it started.
        def output(*command, seconds:)
          reader, writer = IO.pipe
          errors, errors_writer = IO.pipe
          pid = Process.spawn(ENVIRONMENT, *command, in: File::NULL, out: writer, err: errors_writer,
                                                     pgroup: true, chdir: "/", close_others: true)
          [writer, errors_writer].each(&:close)
          limit = Limit.new(seconds, "#{command[0]} took more than #{seconds} s")
          texts = read_all([reader, errors], limit)
          status = wait(pid, limit)
          pid = nil
          return texts[0] if status.success?

          raise Failed, "#{command[0]} failed (#{status.to_s.sub(/\Apid \d+ /, "")})#{reason(texts[1])}"
        rescue SystemCallError => e
          raise Failed, "#{command[0]}: #{Manager.reason_of(e)}"
        ensure
          finish(pid) if pid
          [reader, writer, errors, errors_writer].each { |io| io&.close }
        end

        # Its output may end before it does.
        def wait(pid, limit)
          until (status = Process::Status.wait(pid, Process::WNOHANG))
            sleep([limit.left, 0.01].min)
          end
          status
        end

        def read_all(ios, limit)
          texts = ios.to_h { |io| [io, +"".b] }
          open = ios.dup
          until open.empty?
            ready, = IO.select(open, nil, nil, limit.left)
            ready&.each { |io| open.delete(io) unless append(io, texts[io]) }
          end
          texts.values
        end

        # false at the end
        def append(io, text)
          text << io.read_nonblock(65_536)
          raise Failed, "more than #{LARGEST} bytes of answer" if text.size > LARGEST

          true
        rescue IO::WaitReadable
          true
        rescue EOFError
          false
        end

        def reason(text)
          line = text.lines.map(&:strip).reject(&:empty?).last
          line ? ": #{Locations.printable(line)}" : ""
        end

        def finish(pid)
          Process.kill(:KILL, -pid)
          Process.wait(pid)
        rescue Errno::ESRCH, Errno::ECHILD
          nil
        end
      end
    end
  end
end
