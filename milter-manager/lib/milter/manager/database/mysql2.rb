# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # The driver mysql2 knows nothing of schedulers: here a query is sent, its
      # answer waited for at the socket and then fetched.  What the driver can do
      # only by waiting itself (connecting, prepared statements) it does in a
      # thread, without Ruby's lock.
      module MySQL
        # For Mysql2::Client.
        module Client
          def initialize(*)
            connected = gone = false
            MySQL.aside do
              super
              close if gone
            end
            connected = true
          ensure
            gone = !connected # then the thread closes what it gets
          end

          def query(sql, options = {})
            return super if options[:async] || Fiber.current_scheduler.nil?

            super(sql, options.merge(async: true))
            waiting_socket.wait_readable
            async_result
          end

          def prepare(*)
            MySQL.aside { super }
          end

          # Between queries the server has nothing to say but goodbye.
          def quiet?
            !closed? && IO.select_blocking([waiting_socket], nil, nil, 0).nil?
          end

          private

          def waiting_socket
            @waiting_socket ||= IO.for_fd(socket, autoclose: false)
          end
        end

        # For Mysql2::Statement.
        module Statement
          def execute(*, **)
            MySQL.aside { super }
          end
        end

        # The fiber waits for the thread, the loop for neither.
        def self.aside(&block)
          return yield unless Fiber.current_scheduler

          thread = Thread.new(&block)
          thread.report_on_exception = false
          thread.value
        end

        def active?
          @connection.quiet?
        rescue Mysql2::Error, IOError, SystemCallError
          false
        end

        # As for PostgreSQL.
        def materialize_transactions
          verify! unless transaction_open?
          super
        end
      end

      Mysql2::Client.prepend(MySQL::Client)
      Mysql2::Statement.prepend(MySQL::Statement)
      ActiveRecord::ConnectionAdapters::Mysql2Adapter.prepend(MySQL)
    end
  end
end
