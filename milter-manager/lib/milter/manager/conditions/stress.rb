# frozen_string_literal: true

require "milter/manager/postfix_limit"

module Milter
  module Manager
    module Conditions
      # Is the manager busy?  Without an explicit threshold: are three quarters
      # of Postfix' smtpd processes in use?
      class Stress
        # nil: what Postfix' limit says, for sessions of Postfix
        attr_reader :threshold_n_connections

        # 0: never stressed.
        def threshold_n_connections=(count)
          unless count.nil? || (count.is_a?(Integer) && !count.negative?)
            raise InvalidValue,
                  "stress.threshold_n_connections should be an integer from 0 but was #{count.inspect}"
          end

          @threshold_n_connections = count
        end

        # At the end of a load; 0 when there is no Postfix.
        def read_postfix_limit(limit = PostfixLimit.new)
          @postfix_threshold = @threshold_n_connections ? 0 : limit.to_i * 3 / 4
        end

        # Nothing says when.
        def never? = @threshold_n_connections.nil? && @postfix_threshold.to_i.zero?

        def stressed?(context)
          threshold = @threshold_n_connections || (context.postfix? ? @postfix_threshold.to_i : 0)
          threshold.positive? && context.n_processing_sessions >= threshold
        end
      end
    end
  end
end
