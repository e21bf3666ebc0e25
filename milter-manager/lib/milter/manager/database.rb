# frozen_string_literal: true

require "milter/manager/database/group"
require "milter/manager/database/settings"
require "milter/manager/database/library"
require "milter/manager/database/models"

module Milter
  module Manager
    # The database that conditions use through ActiveRecord: which one is in
    # force, and which one each fiber has begun to work with.
    #
    # What a load sets up is a candidate, seen by that load alone, until the
    # configuration is complete.  A fiber stays with the pool that it used
    # first until its question ends, whatever a reload has changed meanwhile.
    module Database
      PINS = :milter_manager_database_pools # in Thread.current[], which is a fiber's own
      PROBE_TIMEOUT = 30 # s

      # Where database.setup stands, what it said, and ActiveRecord's pool for that.
      Target = Struct.new(:place, :options, :pool_config) do
        def pool = pool_config.pool
      end

      class << self
        # ---- a load of the configuration, on the root fiber

        # options: for ActiveRecord; place: FILE:LINE of database.setup.
        def setup(options, place)
          Library.load_adapter(options[:adapter])
          @candidate = known(options, place) || Target.new(place, options, Library.pool_config(options))
          pin(Library.default_pool_key) { @candidate.pool }
        end

        # The load that set it up has come to nothing.
        def forget_candidate
          @candidate.pool.retire if @candidate && !@candidate.equal?(@current)
          @candidate = nil
        end

        # The configuration is complete: its database is the one in force from now on.
        def commit
          candidate, @candidate = @candidate, nil
          return if candidate.nil? || candidate.equal?(@current)

          former, @current = @current, candidate
          Library.install(@current.pool_config)
          if former
            former.pool.retire
            Library.forget_columns
          end
          probe_soon
        end

        # ---- for the engine

        # Soon after start and reload, a first connection: a mistake is in the log
        # before the first mail comes.
        def probe_soon
          Engine.scheduler.after(0.0, method(:probe)) if @current && Engine.attached?
        end

        # The connections of the parent are its own.
        def after_fork
          Library.after_fork if @current
        end

        # The end is near: servers are told so, and SQLite puts its files in order.
        def close_idle
          Library.pools.each(&:flush!) if @current
        rescue StandardError => e
          Logger.error("[database][error] the connections could not be closed: #{Locations.describe(e)}")
        end

        # ---- for fibers

        # The pool that this fiber works with; the block finds the one in force.
        def pin(key)
          pools = Thread.current[PINS]
          if pools.nil?
            return yield unless Fiber.current_scheduler || @candidate

            pools = Thread.current[PINS] = {}
          end
          pools[key] ||= yield
        end

        # The fiber's question is over: its connections go back to their pools.
        def release
          pools = Thread.current[PINS]
          return unless pools

          Thread.current[PINS] = nil
          pools.each_value(&:release_connection)
        rescue StandardError => e
          Logger.error("[database][error] a connection could not be given back: #{Locations.describe(e)}")
        end

        private

        def known(options, place)
          return unless @current&.options == options

          @current.place = place
          @current
        end

        def probe(_events)
          target = @current
          Fiber.schedule do
            Timeout.timeout(PROBE_TIMEOUT) { target.pool.with_connection(&:active?) }
            Logger.info("[database] connected")
          rescue StandardError => e
            Logger.error("[database][error] #{target.place}: no connection to the database " \
                         "#{target.options[:database]}: #{PlainWords.message_of(e)}")
          end
        end
      end
    end
  end
end
